"""What the generator of statements makes of right files: texts of the dialects, and C."""

import os
import re
import shutil
import subprocess

import pytest

from statements_run import (ARRAYS, CHECK, FRAGMENT, LIKE, LISTS, MAINTAIN, NAMED, PUT, READ, ROWS,
                            RESERVE, ROOT, run, text_of)  # noqa: F401

CLEAR = '-- name: fruit_clear\nDELETE FROM farm_x;\n'
STRICT = ('-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes '
          '-Wmissing-prototypes -Wvla -Werror -fsyntax-only').split()


# ------------------------------------------------------------------------- texts

def test_an_override_may_use_what_is_not_portable(run):
    text = 'SELECT b::bigint FROM farm_x WHERE a / 2 = :a AND c < now() FOR UPDATE SKIP LOCKED;\n'

    steps = text_of(run, 'postgres', READ, postgres='-- name: fruit_read\n' + text)

    assert steps == ['SELECT b::bigint FROM {schema}.farm_x WHERE a / 2 = $1 AND c < now() '
                     'FOR UPDATE SKIP LOCKED']


def test_parameters_are_numbered_by_their_place_in_the_header(run):
    sqlite = text_of(run, 'sqlite', RESERVE, 'stock_reserve')

    assert sqlite == ['UPDATE farm_stock SET reserved = reserved + ?4, changed_us = ?2 WHERE '
                      'seller = ?1 AND sku = ?3 AND on_hand - reserved >= ?4']


def test_comments_and_blanks_are_folded_and_strings_are_not(run):
    sql = READ.replace('= :a', '= :a -- Hm.\n  AND "b  c" <> \'x  -- y\n"z\\\' /* no\n */ AND c>1')

    assert text_of(run, 'sqlite', sql) == [
        'SELECT b FROM farm_x WHERE a = ?1 AND "b  c" <> \'x  -- y\n"z\\\' AND c>1']


def test_no_trigraph_reaches_the_compiler(run):
    sql = READ.replace('= :a', "= :a AND b <> '??(???/'")

    assert text_of(run, 'sqlite', sql) == ["SELECT b FROM farm_x WHERE a = ?1 AND b <> '??(???/'"]
    assert '??' not in run.made('stock_sql.c')


def test_a_list_is_what_the_dialect_makes_of_it(run):
    sql = LISTS + 'DELETE FROM farm_x WHERE a IN (:c) OR a NOT IN( :c );\n'

    assert text_of(run, 'sqlite', sql, 'fruit_drop') == [
        'DELETE FROM farm_x WHERE a IN (SELECT value FROM farm_list(?1)) OR a NOT IN '
        '(SELECT value FROM farm_list(?1))']
    assert run.steps('postgres', 'fruit_drop') == [
        'DELETE FROM {schema}.farm_x WHERE a = ANY($1) OR a <> ALL($1)']


def test_our_tables_and_functions_get_their_schema_on_postgres(run):
    sql = READ.replace('SELECT b', 'SELECT farm_x.farm_b').replace(
        '= :a', '= :a AND "farm_q" <> \'farm_s\' AND x.farm_y = farm_f(1) AND farms = 1')

    assert text_of(run, 'postgres', sql) == [
        'SELECT {schema}.farm_x.farm_b FROM {schema}.farm_x WHERE a = $1 AND "farm_q" <> '
        "'farm_s' AND x.farm_y = {schema}.farm_f(1) AND farms = 1"]
    assert '{schema}' not in ' '.join(run.steps('sqlite', 'fruit_read'))


CHANGED = 'WITH changed AS (%s) SELECT {schema}.farm_expect(count(*), %s) FROM changed'
GUARDED = ('WITH changed AS (%s) SELECT changed.* FROM (SELECT {schema}.farm_expect('
           '(SELECT count(*) FROM changed), %s) AS met) AS guard LEFT JOIN changed ON true')


@pytest.mark.parametrize('header, text, expected', [
    ('', 'UPDATE farm_x SET a = 1',
     CHANGED % ('UPDATE {schema}.farm_x SET a = 1 RETURNING 1', '2')),
    ('-- columns: a int\n', 'UPDATE farm_x SET a = 1 RETURNING a',
     GUARDED % ('UPDATE {schema}.farm_x SET a = 1 RETURNING a', '2')),
    ('-- columns: a int\n', 'SELECT a FROM farm_x',
     GUARDED % ('SELECT a FROM {schema}.farm_x', '2')),
])
def test_an_expectation_is_in_the_text_of_postgres_alone(run, header, text, expected):
    sql = '-- name: fruit_put\n-- expect: 2\n%s%s;\n' % (header, text)

    assert text_of(run, 'sqlite', sql, 'fruit_put') == [text]
    assert run.steps('postgres', 'fruit_put') == [expected]
    assert run.entry('sqlite', 'fruit_put')['expect'] == '2'
    assert run.entry('postgres', 'fruit_put')['expect'] == '2'


def test_an_expectation_of_no_rows_answers_none(run):
    sql = READ.replace('SELECT', '-- expect: 0\nSELECT')

    assert text_of(run, 'postgres', sql)[0].endswith('LEFT JOIN changed ON true OFFSET 1')


def test_an_expectation_of_a_sequence_is_about_its_last_step(run):
    sql = '-- name: fruit_put\n-- expect: 1\nDELETE FROM farm_x;\nINSERT INTO farm_x VALUES (1);\n'

    assert text_of(run, 'postgres', sql, 'fruit_put') == [
        'DELETE FROM {schema}.farm_x',
        CHANGED % ('INSERT INTO {schema}.farm_x VALUES (1) RETURNING 1', '1')]


def test_an_expectation_of_arrays_counts_their_elements(run):
    common = PUT.replace('INSERT', '-- expect: 3\nINSERT')

    assert text_of(run, 'postgres', common, 'fruit_put', postgres=ARRAYS) == [
        CHANGED % ('INSERT INTO {schema}.farm_x SELECT $1, b FROM unnest($2) AS u (b) RETURNING 1',
                   '3 * cardinality($2)')]
    assert run.entry('postgres', 'fruit_put')['flags'] == 'FARM_STATEMENT_ARRAYS'
    assert run.entry('sqlite', 'fruit_put')['flags'] == '0'


def test_an_override_takes_an_expectation_away(run):
    text_of(run, 'postgres', RESERVE, 'stock_reserve',
            postgres='-- name: stock_reserve\n-- expect: any\n')

    assert 'farm_expect' not in run.steps('postgres', 'stock_reserve')[0]
    assert run.entry('postgres', 'stock_reserve')['expect'] == '-1'
    assert run.entry('sqlite', 'stock_reserve')['expect'] == '1'


def test_a_dialect_that_has_nothing_to_do_has_no_steps(run):
    text_of(run, 'sqlite', RESERVE, 'stock_reserve',
            sqlite='-- name: stock_reserve\n-- nothing\n')

    entry = run.entry('sqlite', 'stock_reserve')
    assert (entry['steps'], entry['step_count'], entry['expect']) == ('NULL', '0', '-1')
    assert run.entry('postgres', 'stock_reserve')['step_count'] == '1'


@pytest.mark.parametrize('text, reads', [
    ('SELECT 1', True),
    ('WITH x AS (SELECT 1) SELECT * FROM x', True),
    ('VALUES (1)', True),
    ("SELECT replace(a, 'DELETE', 'x') FROM farm_x", True),
    ('SELECT a FROM farm_x FOR SHARE', False),
    ('SELECT a FROM farm_x FOR NO KEY UPDATE', False),
    ('SELECT farm_take(1)', False),
    ('WITH x AS (DELETE FROM farm_x RETURNING 1) SELECT 1 FROM x', False),
    ('DELETE FROM farm_x RETURNING 1', False),
    ('SELECT 1; DELETE FROM farm_x RETURNING 1', False),
])
def test_what_only_reads_is_flagged(run, text, reads):
    text_of(run, 'postgres', '-- name: fruit_read\n-- columns: a int\nSELECT 1;\n',
            postgres='-- name: fruit_read\n%s;\n' % text)

    flags = run.entry('postgres', 'fruit_read')['flags']
    assert flags == ('FARM_STATEMENT_READS' if reads else '0')


# ------------------------------------------------------------------------- C

def test_the_struct_of_a_statement_names_its_types(run):
    kinds = '-- params: a int, b int?, c text?, d blob, e text[], f blob[]\n'
    sql = ('-- name: fruit_read\n' + kinds + '-- columns: x int, y int?, z text, u blob?\n'
           'SELECT :a, :b, :c, :d FROM farm_x WHERE e IN (:e) OR f IN (:f);\n')

    text_of(run, 'sqlite', sql)

    header, source = run.made('stock_sql.h'), run.made('stock_sql.c')
    assert ('    int64_t a;\n    value_integer b;\n    value_text c;\n    value_blob d;\n'
            '    value_list e;\n    value_list f;\n') in header
    assert '    int64_t x;\n    value_integer y;\n    value_text z;\n    value_blob u;\n' in header
    flat = ' '.join(source.split())
    assert ('{FARM_INTEGER, FARM_INTEGER | FARM_TYPE_NULLABLE, FARM_TEXT | FARM_TYPE_NULLABLE, '
            'FARM_BLOB, FARM_TEXT | FARM_TYPE_LIST, FARM_BLOB | FARM_TYPE_LIST}') in flat
    assert ('.x = values[0].integer, .y = value_to_nullable(&values[1]), '
            '.z = value_to_text(&values[2]), .u = value_to_blob(&values[3])') in flat


def test_params_and_each_may_go_on_in_a_further_line(run):
    sql = PUT.replace('-- each', '-- params: c text\n-- each').replace(':b', ':b, :c')

    assert text_of(run, 'sqlite', sql, 'fruit_put') == ['INSERT INTO farm_x VALUES (?1, ?3, ?2)']


def test_a_binder_takes_what_its_statement_has(run):
    run.write('stock.sql', RESERVE + READ + CLEAR)

    run.generate()

    header = ' '.join(run.made('stock_sql.h').split())
    assert ('void stock_stock_reserve(store_batch *batch, const stock_stock_reserve_params *params,'
            ' const stock_stock_reserve_each *each, size_t count);') in header
    assert ('void stock_fruit_read(store_batch *batch, const stock_fruit_read_params *params, '
            'stock_fruit_read_function on_row, void *context);') in header
    assert 'void stock_fruit_clear(store_batch *batch);' in header
    assert run.entry('sqlite', 'fruit_clear')['params'] == 'NULL'
    assert run.entry('sqlite', 'stock_reserve')['shared_count'] == '2'
    assert run.entry('sqlite', 'stock_reserve')['param_count'] == '4'


def test_numbers_run_through_all_modules(run):
    run.write('stock.sql', RESERVE + READ)
    run.write('cart.sql', CHECK + MAINTAIN)

    run.generate(modules=('stock', 'cart'))

    header, source = run.made('cart_sql.h'), run.made('cart_sql.c')
    assert 'STOCK_STATEMENT_FRUIT_READ = 1' in run.made('stock_sql.h')
    assert 'CART_STATEMENT_CHECK_FRUIT = 2' in header
    assert 'CART_STATEMENT_MAINTAIN_FRUIT = 3' in header
    assert '.first = 2,\n    .count = 2,' in source
    assert 'checks[] = {CART_STATEMENT_CHECK_FRUIT};' in source
    assert 'maintains[] = {CART_STATEMENT_MAINTAIN_FRUIT};' in source
    assert re.search(r'&stock_statements,\n\s*&cart_statements,', run.made('store_modules.c'))


def test_rules_are_sorted_and_their_reasons_are_of_the_module(run):
    second = RESERVE.replace('stock_reserve', 'stock_free').replace(
        'guard = EREFUSED OUT_OF_STOCK', 'check = ECORRUPT FARM_STORE_REASON_ODD')
    run.write('stock.sql', RESERVE.replace('-- on', '-- on: foreign = ENOTFOUND\n-- on') + second)
    run.write('postgres/stock.sql', '-- name: stock_reserve\n-- on: unique = EEXISTS\n')

    run.generate()

    rules = re.findall(r'\.statement = (\w+),\s+\.kind = FARM_FAULT_(\w+),\s+'
                       r'\.status = FARM_(\w+),\s+\.reason = (\w+)}', run.made('stock_sql.c'))
    assert rules == [
        ('STOCK_STATEMENT_STOCK_RESERVE', 'UNIQUE', 'EEXISTS', '0'),
        ('STOCK_STATEMENT_STOCK_RESERVE', 'FOREIGN', 'ENOTFOUND', '0'),
        ('STOCK_STATEMENT_STOCK_RESERVE', 'GUARD', 'EREFUSED', 'FARM_STOCK_REASON_OUT_OF_STOCK'),
        ('STOCK_STATEMENT_STOCK_FREE', 'CHECK', 'ECORRUPT', 'FARM_STORE_REASON_ODD')]
    assert '#include <farmcore/stock.h>' in run.made('stock_sql.c')


def test_the_public_header_is_included_for_reasons_only(run):
    run.write('stock.sql', RESERVE.replace(' OUT_OF_STOCK', ''))

    run.generate()

    assert 'farmcore/stock.h' not in run.made('stock_sql.c')


def test_allowed_scans_are_listed_for_each_dialect(run):
    run.write('stock.sql', READ.replace('SELECT', '-- plan: scan it is small\nSELECT') + PUT)
    run.write('postgres/stock.sql', NAMED + '-- plan: scan only here\n')

    run.generate()

    assert (run.folder / 'plans.txt').read_text(encoding='utf-8') == (
        'sqlite\tstock.fruit_read\tit is small\n'
        'postgres\tstock.fruit_read\tit is small\n'
        'postgres\tstock.fruit_put\tonly here\n')


def test_a_file_is_written_only_when_it_changes(run):
    run.write('stock.sql', READ)
    run.write('cart.sql', PUT)
    run.generate(modules=('stock', 'cart'))
    for path in (run.folder / 'out').iterdir():
        os.utime(path, (1, 1))

    run.write('cart.sql', PUT.replace('VALUES', 'SELECT'))
    run.generate(modules=('stock', 'cart'))

    changed = [path.name for path in (run.folder / 'out').iterdir() if path.stat().st_mtime != 1]
    assert changed == ['cart_sql.c']


def test_a_failed_run_leaves_the_files_as_they_are(run):
    run.write('stock.sql', READ)
    run.generate()
    before = run.made('stock_sql.c')
    run.write('stock.sql', READ.replace('b int', 'b real'))

    run.generate()

    assert run.status == 1
    assert run.made('stock_sql.c') == before


@pytest.mark.parametrize('compiler', ['gcc', 'clang'])
def test_what_is_generated_compiles_without_a_warning(run, compiler):
    if shutil.which(compiler) is None:
        pytest.skip(compiler + ' is not installed')
    kinds = ('-- name: statement_with_a_name_that_is_long\n'
             '-- params: a int, b int?, c text?, d blob, e text[], f blob[]\n-- each: g int\n'
             '-- columns: x int, y int?, z text, u blob?\n'
             'SELECT :a, :b, :c, :d FROM farm_x WHERE e IN (:e) OR f IN (:f) AND g = :g;\n')
    run.write('stock.sql', kinds + READ + PUT + CHECK + MAINTAIN + CLEAR
              + RESERVE.replace(' OUT_OF_STOCK', ''))
    run.write('sqlite/stock.sql', '-- name: fruit_read\n-- nothing\n')
    run.generate()
    assert run.status == 0, run.errors

    done = subprocess.run([compiler, *STRICT, '-I%s' % (ROOT / 'include'), '-I%s' % (ROOT / 'src'),
                           '-Iout', 'out/stock_sql.c', 'out/store_modules.c'],
                          cwd=run.folder, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, '')
    for path in (run.folder / 'out').iterdir():
        assert all(len(line) <= 100 for line in path.read_text().splitlines()), path.name


def test_a_fragment_is_written_where_it_is_named_in_overrides_too(run):
    sql = FRAGMENT + READ.replace('a = :a', 'x AND {its_place}')
    override = '-- name: fruit_read\nSELECT b FROM farm_x WHERE {its_place} AND y;\n'

    assert text_of(run, 'sqlite', sql) == ['SELECT b FROM farm_x WHERE x AND b = ?1 AND c']
    assert text_of(run, 'postgres', sql, postgres=override) == [
        'SELECT b FROM {schema}.farm_x WHERE b = $1 AND c AND y']


def test_statements_that_are_like_another_share_its_types(run):
    run.write('stock.sql', PUT + LIKE)
    run.generate()

    header = run.made('stock_sql.h')
    assert 'typedef stock_fruit_put_params stock_fruit_add_params;' in header
    assert 'typedef stock_fruit_put_each stock_fruit_add_each;' in header
    assert header.count('struct stock_') == 2


def test_statements_with_the_rows_of_another_share_their_type(run):
    run.write('stock.sql', READ + ROWS)
    run.generate()

    header = run.made('stock_sql.h')
    assert 'typedef stock_fruit_read_row stock_fruit_all_row;' in header
    assert header.count('struct stock_') == 2
