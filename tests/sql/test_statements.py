"""The generator of statements (src/store/statements.py): every rule, kept and broken.

What it makes of right files is tested in test_statements_render.py, and what that means to a
database in statements_test.c.
"""

import pytest

from statements_run import (ARRAYS, CHECK, FRAGMENT, LIKE, LISTS, MAINTAIN, NAMED, PUT, READ, ROWS,
                            RESERVE, TEXT, run)  # noqa: F401


def portable(condition):
    return ('-- name: fruit_read\n-- params: a int\n-- columns: b int\nSELECT b FROM farm_x\n'
            'WHERE a = :a AND %s;\n' % condition)


# name: (what is right, what is wrong, its line, the message)
COMMON = {
    'undeclared parameter': (READ, READ.replace('a = :a', 'a = :a AND c = :c'), 4,
                             ':c is not declared'),
    'unused parameter': (READ, READ.replace('a int', 'a int, z text'), 2,
                         'parameter z of fruit_read is not used'),
    'unused parameter in each': (PUT, PUT.replace('b int', 'b int, z int'), 3,
                                 'parameter z of fruit_put is not used'),
    'parameter in a string only': (READ, READ.replace('= :a', "= ':a'"), 2,
                                   'parameter a of fruit_read is not used'),
    'unknown directive': (READ.replace('SELECT', '-- Note: this is a sentence.\nSELECT'),
                          READ.replace('-- columns', '-- colums'), 3,
                          'unknown directive `colums`'),
    'directive before a name': ('-- Sentence first.\n' + READ, '-- expect: 1\n' + READ, 1,
                                '`-- expect` before the first `-- name:`'),
    'directive behind the text': (READ.replace('SELECT', '-- plan: scan it is small\nSELECT'),
                                  READ + '-- plan: scan it is small\n', 5,
                                  '`-- plan` behind the text'),
    'directive said twice': (RESERVE, RESERVE.replace('-- on', '-- expect: 2\n-- on'), 5,
                             '`-- expect` is said twice'),
    'text before a name': (READ, 'SELECT 1;\n' + READ, 1, 'a text before the first `-- name:`'),
    'form of a name': (READ.replace('fruit_read', 'fruit2_read'),
                       READ.replace('fruit_read', 'fruitRead'), 1,
                       '`fruitRead` is not of the form'),
    'duplicate name': (READ + PUT, READ + PUT + READ, 9, 'the name fruit_read is used twice'),
    'name of a generated type': (READ + PUT, READ + PUT.replace('fruit_put', 'fruit_read_row'), 5,
                                 'fruit_read_row is also a type made for fruit_read'),
    'unknown type': (READ, READ.replace('a int', 'a integer'), 2,
                     'a has the unknown type integer'),
    'form of a field': (READ, READ.replace('a int', 'a int, b'), 2,
                        '`b` is not of the form `name type`'),
    'nullable list': (READ.replace('a int', 'a int?'), READ.replace('a int', 'a int[]?'), 2,
                      'followed by ? or by [], once'),
    'duplicate parameter': (PUT, PUT.replace('a int', 'a int, a text'), 2, 'a is declared twice'),
    'duplicate parameter in each': (PUT, PUT.replace('b int', 'a int'), 3, 'a is declared twice'),
    'duplicate column': (READ, READ.replace('b int', 'b int, b int'), 3, 'b is declared twice'),
    'word of C': (READ, READ.replace('b int', 'default int'), 3, 'default is a word of C'),
    'list as a column': (READ.replace('b int', 'b int?'), READ.replace('b int', 'b int[]'), 3,
                         'only a parameter can be a list'),
    'like an unknown statement': (PUT + LIKE, LIKE, 2, '`-- like:` names a statement before'),
    'like beside params': (PUT + LIKE,
                           PUT + LIKE.replace('-- like', '-- params: a int\n-- like'), 7,
                           'stands instead of params and each'),
    'params beside like': (PUT + LIKE, PUT + LIKE.replace('INSERT', '-- each: d int\nINSERT'), 7,
                           'params and each are those of fruit_put already'),
    'rows of an unknown statement': (READ + ROWS, ROWS, 2, '`-- rows:` names a statement before'),
    'rows beside columns': (READ + ROWS,
                            READ + ROWS.replace('-- rows', '-- columns: b int\n-- rows'), 7,
                            'stands instead of columns'),
    'columns beside rows': (READ + ROWS, READ + ROWS.replace('SELECT', '-- columns: c int\nSELECT'),
                            7, 'the columns are those of fruit_read already'),
    'unknown fragment': (FRAGMENT + READ.replace('a = :a', '{its_place}'),
                         READ.replace('a = :a', '{its_place}'), 4, 'there is no fragment'),
    'fragment without an end': (FRAGMENT + READ, FRAGMENT.replace(';', '') + READ, 1,
                                'missing `;`: every fragment ends with one'),
    'two fragments of one name': (FRAGMENT + READ, FRAGMENT + FRAGMENT + READ, 3,
                                  'a fragment has a name of its own'),
    'directive in a fragment': (FRAGMENT + READ,
                                FRAGMENT.replace('\n', '\n-- expect: 1\n', 1) + READ, 2,
                                '`-- expect` before the first `-- name:`, or in a fragment'),
    'parameter of a fragment': (FRAGMENT + READ.replace('a = :a', '{its_place}'),
                                FRAGMENT.replace(':a', ':d') + READ.replace(
                                    'a = :a', 'a = :a AND {its_place}'), 6, ':d is not declared'),
    'expect without a number': (RESERVE, RESERVE.replace('expect: 1', 'expect: one'), 4,
                                '`-- expect:` takes a number'),
    'expect any': (RESERVE, RESERVE.replace('expect: 1', 'expect: any'), 4,
                   '`-- expect: any` is for overrides only'),
    'unknown class': (RESERVE, RESERVE.replace('on: guard', 'on: guards'), 5,
                      'unknown class guards'),
    'unknown status': (RESERVE, RESERVE.replace('EREFUSED', 'EFORBIDDEN'), 5,
                       'unknown status EFORBIDDEN'),
    'form of a rule': (RESERVE, RESERVE.replace('guard =', 'guard:'), 5,
                       'of the form `class = STATUS REASON`'),
    'class said twice': (RESERVE.replace('-- on', '-- on: unique = EEXISTS\n-- on'),
                         RESERVE.replace('-- on', '-- on: guard = EEXISTS\n-- on'), 6,
                         'the class guard is said twice'),
    'plan without a reason': (READ.replace('SELECT', '-- plan: scan it is small\nSELECT'),
                              READ.replace('SELECT', '-- plan: scan\nSELECT'), 4,
                              'of the form `scan`, then why'),
    'arrays in common text': (PUT, PUT.replace('INSERT', '-- arrays\nINSERT'), 4,
                              '`-- arrays` is for overrides only'),
    'nothing in common text': (PUT, PUT.replace('INSERT', '-- nothing\nINSERT'), 4,
                               '`-- nothing` is for overrides only'),
    'missing semicolon': (READ + PUT, READ.replace(';', '') + PUT, 4, 'missing `;`'),
    'missing semicolon at the end': (PUT + READ, PUT + READ.replace(';', ''), 8, 'missing `;`'),
    'semicolon alone': (READ, READ + ';\n', 5, '`;` without a statement'),
    'no text': (READ, '-- name: fruit_put\n-- params: a int\n' + READ, 1, 'fruit_put has no text'),
    'no statement': (READ, '-- Nothing yet.\n', 1, 'there is no statement in it'),
    'list outside IN': (LISTS + 'DELETE FROM farm_x WHERE a IN (:c);\n',
                        LISTS + 'DELETE FROM farm_x\nWHERE a = :c;\n', 4, ':c is a list'),
    'list among others in IN': (LISTS + 'DELETE FROM farm_x WHERE a NOT IN (:c);\n',
                                LISTS + 'DELETE FROM farm_x WHERE a IN (:c, 1);\n', 3,
                                ':c is a list'),
    'columns not returned': (READ, '-- name: fruit_put\n-- columns: a int\n'
                             'INSERT INTO farm_x VALUES (1);\n', 3, 'neither is a SELECT nor'),
    'columns not declared': (READ, READ.replace('-- columns: b int\n', ''), 3,
                             'fruit_read returns rows'),
    'returning not declared': (PUT, PUT.replace(');', ') RETURNING b;'), 4,
                               'fruit_put returns rows'),
    'number of columns': (READ.replace('SELECT b', 'SELECT COALESCE(b, 0)'),
                          READ.replace('SELECT b', 'SELECT b, a'), 4,
                          'fruit_read returns 2 columns, declared are 1'),
    'parameters of a check': (CHECK, CHECK.replace('now int', 'then int'), 2,
                              'check_… has `params: now int`, not `then int`'),
    'columns of a check': (CHECK, CHECK.replace('detail text', 'detail int'), 3,
                           'check_… has `columns: subject text, detail text`'),
    'each of a check': (CHECK, CHECK.replace('SELECT', '-- each: c int\nSELECT'), 4,
                        'check_… has `each: none`'),
    'check that writes': (CHECK, CHECK.replace('SELECT a, b FROM farm_x',
                                               'DELETE FROM farm_x RETURNING a, b'), 1,
                          'check_… only reads'),
    'parameters of housekeeping': (MAINTAIN, MAINTAIN.replace('budget int', 'budget text'), 2,
                                   'maintain_… has `params: now int, budget int`'),
    'columns of housekeeping': (MAINTAIN, MAINTAIN.replace(
        'int\nDELETE', 'int\n-- columns: a int\nDELETE').replace(';', ' RETURNING a;'), 3,
                                'maintain_… has `columns: none`'),
    'placeholder $1': (READ, READ.replace(':a', '$1'), 4, '$1 is written by hand'),
    'placeholder ?1': (READ, READ.replace(':a', '?1'), 4, '?1 is written by hand'),
    'placeholder ?': (READ, READ.replace(':a', '?'), 4, '? is written by hand'),
    'placeholder @a': (READ, READ.replace(':a', '@a'), 4, '@a is written by hand'),
    'now()': (portable("b <> 'now()'"), portable('b < now()'), 5, 'now() is not in the portable'),
    'random()': (portable('random = 1'), portable('b < Random()'), 5,
                 'Random() is not in the portable'),
    'CURRENT_TIMESTAMP': (portable('"CURRENT_TIMESTAMP" = 1'), portable('b < CURRENT_TIMESTAMP'), 5,
                          'CURRENT_TIMESTAMP is not in the portable'),
    'cast by ::': (portable("b <> '::'"), portable('b = 1::bigint'), 5,
                   ':: is not in the portable'),
    'JSON ->': (portable("b <> '->'"), portable("b -> 'c' = 1"), 5, '-> is not in the portable'),
    'JSON ->>': (portable('b > 1'), portable("b ->> 'c' = 1"), 5, '->> is not in the portable'),
    'division': (portable('b * 2 > 1 /* half / whole */'), portable('b / 2 > 1'), 5,
                 '/ is not in the portable'),
    'GREATEST': (portable('CASE WHEN b > 1 THEN b ELSE 1 END > 1'), portable('GREATEST(b, 1) > 1'),
                 5, 'GREATEST() is not in the portable'),
    'FOR UPDATE': (portable('b > 1'), portable('b > 1 FOR UPDATE'), 5,
                   'FOR UPDATE is not in the portable'),
    'writing common table expression': (
        READ.replace('SELECT', 'WITH y AS (SELECT 1) SELECT'),
        READ.replace('SELECT b', 'WITH y AS (\nDELETE FROM farm_y RETURNING 1)\nSELECT b'), 5,
        '(DELETE is not in the portable'),
    'string not closed': (READ.replace('= :a', "= :a OR b = 'it''s'"),
                          READ.replace('= :a', "= :a OR b = 'it''s"), 4, 'is not closed'),
    'identifier not closed': (READ.replace('= :a', '= :a OR "b" = 1'),
                              READ.replace('= :a', '= :a OR "b = 1'), 4, 'is not closed'),
    'comment not closed': (READ.replace('SELECT', '/* All. */ SELECT'),
                           READ.replace('SELECT', '/* All. SELECT'), 4, 'is not closed'),
    'comment in a comment': (READ.replace('SELECT', '/* All\n. */ SELECT'),
                             READ.replace('SELECT', '/* A /* b */ SELECT'), 4,
                             'a comment within a comment'),
    'unknown character': (READ, READ.replace('FROM', '`FROM'), 4, 'the character ` has no meaning'),
    'too long for C': (READ.replace('= :a', "= :a OR b <> '%s'" % ('x' * 3900)),
                       READ.replace('= :a', "= :a OR b <> '%s'" % ('x' * 4100)), 1,
                       'and C allows 4095'),
}

# name: (dialect, the common text, what is right, what is wrong, its line, the message)
OVERRIDES = {
    'unknown statement': ('sqlite', PUT, NAMED + TEXT, '-- name: fruit_give\n' + TEXT, 1,
                          'stock.fruit_give is unknown'),
    'override said twice': ('sqlite', PUT, NAMED + TEXT, NAMED + TEXT + NAMED + TEXT, 3,
                            'the name fruit_put is used twice'),
    'undeclared parameter': ('sqlite', PUT, NAMED + TEXT, NAMED + TEXT.replace(':b', ':b + :c'), 2,
                             ':c is not declared'),
    'unused parameter': ('postgres', PUT, NAMED + TEXT, NAMED + TEXT.replace(':a', '1'), 1,
                         'parameter a of fruit_put is not used'),
    'params anew': ('postgres', PUT, NAMED + TEXT, NAMED + '-- params: a int\n' + TEXT, 2,
                    'an override inherits `params`'),
    'each anew': ('postgres', PUT, NAMED + TEXT, NAMED + '-- each: b int\n' + TEXT, 2,
                  'an override inherits `each`'),
    'columns anew': ('postgres', PUT, NAMED + TEXT, NAMED + '-- columns: b int\n' + TEXT, 2,
                     'an override inherits `columns`'),
    'nothing with a text': ('sqlite', PUT, NAMED + '-- nothing\n', NAMED + '-- nothing\n' + TEXT, 2,
                            '`-- nothing` stands alone'),
    'overrides nothing': ('sqlite', PUT, NAMED + '-- expect: 1\n', NAMED + '-- A sentence.\n', 1,
                          'fruit_put overrides nothing'),
    'arrays on SQLite': ('sqlite', PUT, NAMED + TEXT, ARRAYS, 2, 'SQLite has no arrays'),
    'arrays without a text': ('postgres', PUT, ARRAYS, NAMED + '-- arrays\n', 2,
                              '`-- arrays` needs a text of its own'),
    'arrays without each': ('postgres', PUT.replace('each', 'params'), NAMED + TEXT, ARRAYS, 2,
                            'fruit_put has nothing in `each`'),
    'arrays of lists': ('postgres', PUT.replace('b int', 'b int[]').replace(
        'VALUES (:a, :b)', 'SELECT :a WHERE 1 IN (:b)'), NAMED + TEXT, ARRAYS, 2,
                        'b is a list already'),
    'ordinal of arrays': ('postgres', PUT.replace('INSERT', '-- columns: x int\nINSERT').replace(
        ';', ' RETURNING x;'),
                          ARRAYS.replace(';', ' RETURNING b - 1 AS ordinal, x;'),
                          ARRAYS.replace(';', ' RETURNING x;'), 3,
                          'returns 1 columns, declared are 1 and the ordinal'),
    'columns not returned': ('sqlite', READ, '-- name: fruit_read\nSELECT :a;\n',
                             '-- name: fruit_read\nDELETE FROM farm_x WHERE a = :a;\n', 2,
                             'neither is a SELECT nor'),
    'list outside IN': ('sqlite', LISTS + 'DELETE FROM farm_x WHERE a IN (:c);\n',
                        '-- name: fruit_drop\nDELETE FROM farm_x WHERE a IN (SELECT value + 1 '
                        'FROM farm_list(:c));\n',
                        '-- name: fruit_drop\nDELETE FROM farm_x WHERE a = :c;\n', 2,
                        ':c is a list'),
    'another meaning of a class': ('postgres', RESERVE, '-- name: stock_reserve\n'
                                   '-- on: guard = EREFUSED OUT_OF_STOCK\n'
                                   '-- on: check = EREFUSED\n',
                                   '-- name: stock_reserve\n-- on: guard = ECONFLICT\n', 2,
                                   'the class guard means something else in stock.sql:5'),
    'placeholder': ('postgres', PUT, NAMED + TEXT, NAMED + TEXT.replace(':b', '$2'), 2,
                    '$2 is written by hand'),
    'writing common table expression to be wrapped': (
        'postgres', PUT.replace('INSERT', '-- expect: 1\nINSERT'),
        NAMED + '-- expect: any\nWITH y AS (INSERT INTO farm_x VALUES (:a, :b) RETURNING 1)\n'
        'SELECT farm_expect(count(*), 1) FROM y;\n',
        NAMED + 'WITH y AS (INSERT INTO farm_x VALUES (:a, :b) RETURNING 1)\n'
        'INSERT INTO farm_y SELECT 1 FROM y;\n', 2, 'cannot be wrapped'),
    'missing semicolon': ('postgres', PUT, NAMED + TEXT, NAMED + TEXT.replace(';', ''), 2,
                          'missing `;`'),
    'dollar quotes': ('postgres', PUT, NAMED + TEXT, NAMED + TEXT.replace(':b', '$$b$$'), 2,
                      'is no string of the subset'),
}


def claim_refused(run, path, line, message):
    assert run.status == 1
    found = [text for text in run.errors.splitlines() if text.startswith('%s:%d: ' % (path, line))]
    assert any(message in text for text in found), run.errors
    assert not (run.folder / 'out').exists()


@pytest.mark.parametrize('rule', COMMON)
def test_a_common_text_that_keeps_the_rule_is_taken(run, rule):
    run.write('stock.sql', COMMON[rule][0])

    run.generate()

    assert (run.status, run.errors) == (0, '')


@pytest.mark.parametrize('rule', COMMON)
def test_a_common_text_that_breaks_the_rule_is_refused_with_its_line(run, rule):
    _, wrong, line, message = COMMON[rule]
    run.write('stock.sql', wrong)

    run.generate()

    claim_refused(run, 'stock.sql', line, message)


@pytest.mark.parametrize('rule', OVERRIDES)
def test_an_override_that_keeps_the_rule_is_taken(run, rule):
    dialect, common, right = OVERRIDES[rule][:3]
    run.write('stock.sql', common)
    run.write(dialect + '/stock.sql', right)

    run.generate()

    assert (run.status, run.errors) == (0, '')


@pytest.mark.parametrize('rule', OVERRIDES)
def test_an_override_that_breaks_the_rule_is_refused_with_its_line(run, rule):
    dialect, common, _, wrong, line, message = OVERRIDES[rule]
    run.write('stock.sql', common)
    run.write(dialect + '/stock.sql', wrong)

    run.generate()

    claim_refused(run, dialect + '/stock.sql', line, message)


def test_all_errors_of_all_files_are_reported_in_order(run):
    run.write('stock.sql', READ.replace(':a', '$1') + PUT.replace('b int', 'b real'))
    run.write('cart.sql', PUT.replace(';', ''))
    run.write('postgres/cart.sql', '-- name: cart_put\n-- nothing\n')

    run.generate(modules=('stock', 'cart'))

    places = [error.split(': ')[0] for error in run.errors.splitlines()]
    assert run.status == 1
    assert places == ['cart.sql:4', 'postgres/cart.sql:1', 'stock.sql:2', 'stock.sql:4',
                      'stock.sql:7', 'stock.sql:8']


def test_a_file_that_cannot_be_read_is_an_error(run):
    run.write('stock.sql', READ).write_bytes(b'-- \xff\n')

    run.generate(modules=('stock', 'cart'))

    assert run.status == 1
    assert 'stock.sql:1: cannot be read' in run.errors
    assert 'cart.sql:1: cannot be read' in run.errors


@pytest.mark.parametrize('arguments', [('--module', 'stock=x.sql'), ('--override', 'mysql=x'),
                                       ('--module', 'x.sql')])
def test_a_wrong_command_line_is_refused(run, arguments):
    run.write('stock.sql', READ)

    run.generate(*arguments)

    assert run.status == 2
