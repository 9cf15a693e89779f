"""Runs of the generator of statements and samples for it, for its tests. Holds no test."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATOR = ROOT / 'src' / 'store' / 'statements.py'

RESERVE = '''\
-- name: stock_reserve
-- params: seller text, now int
-- each: sku text, quantity int
-- expect: 1                       a miss refuses the batch
-- on: guard = EREFUSED OUT_OF_STOCK
-- Refused by the WHERE: two buyers cannot both get the last one.
UPDATE farm_stock SET reserved = reserved + :quantity, changed_us = :now
WHERE seller = :seller AND sku = :sku AND on_hand - reserved >= :quantity;
'''
READ = ('-- name: fruit_read\n-- params: a int\n-- columns: b int\n'
        'SELECT b FROM farm_x WHERE a = :a;\n')
PUT = '-- name: fruit_put\n-- params: a int\n-- each: b int\nINSERT INTO farm_x VALUES (:a, :b);\n'
LIKE = '-- name: fruit_add\n-- like: fruit_put\nINSERT INTO farm_y VALUES (:a, :b);\n'
ROWS = '-- name: fruit_all\n-- rows: fruit_read\nSELECT b FROM farm_x;\n'
LISTS = '-- name: fruit_drop\n-- params: c int[]\n'
CHECK = ('-- name: check_fruit\n-- params: now int\n-- columns: subject text, detail text\n'
         'SELECT a, b FROM farm_x;\n')
MAINTAIN = ('-- name: maintain_fruit\n-- params: now int, budget int\n'
            'DELETE FROM farm_x WHERE a IN (SELECT a FROM farm_x WHERE b < :now LIMIT :budget);\n')

FRAGMENT = '-- fragment: its_place\nb = :a AND c;\n'

NAMED = '-- name: fruit_put\n'
TEXT = 'INSERT INTO farm_x VALUES (:a, :b);\n'
ARRAYS = NAMED + '-- arrays\nINSERT INTO farm_x SELECT :a, b FROM unnest(:b) AS u (b);\n'


class Run:
    """One run of the generator in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.status, self.errors = None, ''

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding='utf-8')
        return path

    def generate(self, *more, modules=('stock',), overrides=('sqlite', 'postgres')):
        arguments = ['--out', 'out', '--plans', 'plans.txt']
        for module in modules:
            arguments += ['--module', '%s=%s.sql' % (module, module)]
        for dialect in overrides:
            arguments += ['--override', '%s=%s' % (dialect, dialect)]
        done = subprocess.run([sys.executable, str(GENERATOR), *arguments, *more],
                              cwd=self.folder, capture_output=True, text=True, check=False)
        self.status, self.errors = done.returncode, done.stderr
        return self

    def made(self, name):
        return (self.folder / 'out' / name).read_text(encoding='utf-8')

    def entry(self, dialect, statement, module='stock'):
        """The fields of a farm_statement, as text."""
        table = re.search(r'farm_statement %s_table\[\] = \{\n(.*?)\n\};' % dialect,
                          self.made(module + '_sql.c'), re.DOTALL)[1]
        for block in re.findall(r'    \{\n(.*?)    \},', table + '\n', re.DOTALL):
            fields = dict(re.findall(r'\.(\w+) = (.*),\n', block))
            if fields['name'] == '"%s.%s"' % (module, statement):
                return fields
        raise KeyError(statement)

    def steps(self, dialect, statement, module='stock'):
        """The texts of a statement as the compiler reads them."""
        found = re.search(r'char \*const %s_%s\[\] = \{\n(.*?)\n\};' % (dialect, statement),
                          self.made(module + '_sql.c'), re.DOTALL)
        if not found:
            return []
        escapes = {'\\n': '\n', '\\t': '\t'}
        texts, parts, place = [], [], 0
        tokens = re.compile(r'"((?:[^"\\]|\\.)*)"|([,()\s])')
        while place < len(found[1]):
            match = tokens.match(found[1], place)
            if match[2] == ',':
                texts.append(''.join(parts))
                parts = []
            elif match[1] is not None:
                parts.append(re.sub(r'\\.', lambda m: escapes.get(m[0], m[0][1:]), match[1]))
            place = match.end()
        return texts


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def text_of(run, dialect, sql, statement='fruit_read', **files):
    for name, text in files.items():
        run.write(name + '/stock.sql', text)
    run.write('stock.sql', sql)
    run.generate()
    assert run.status == 0, run.errors
    return run.steps(dialect, statement)
