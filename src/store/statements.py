#!/usr/bin/env python3
"""Turns the modules' x.sql into x_sql.h and x_sql.c, as docs/sql.md specifies.

    statements.py --out DIR --module NAME=PATH/x.sql … [--override DIALECT=DIR …] [--plans FILE]

Reads and checks; the texts of the dialects and the C are made in statements_render.py. Every error
of a run is reported, as `file:line: what is wrong and the rule`.
"""

import argparse
import pathlib
import re
import sys

# The sources are not the place for compiled files.
sys.dont_write_bytecode = True

import statements_render as render  # noqa: E402
from statements_render import DIALECTS, FAULTS, Token, word  # noqa: E402

STATUSES = ('ENOMEM EINVAL ENOTFOUND EEXISTS ECONFLICT EREFUSED EAGAIN ETIMEOUT EUNAVAILABLE '
            'EUNCERTAIN EDENIED EREADONLY EFULL ECORRUPT EUNSUPPORTED EINTERNAL').split()
C_KEYWORDS = set('auto break case char const continue default do double else enum extern float for '
                 'goto if inline int long register restrict return short signed sizeof static '
                 'struct switch typedef union unsigned void volatile while'.split())
SHAPES = {'check_': ('now int', 'subject text, detail text'),
          'maintain_': ('now int, budget int', '')}
ANY = 'any'
EXPECT_MAX = 2 ** 31 - 1

# What only one dialect has, or has in another sense, with what to write instead.
SINGLE_WORDS = dict.fromkeys(('CURRENT_TIMESTAMP', 'CURRENT_DATE', 'CURRENT_TIME'),
                             'times come from the caller')
CALLS = {'NOW': 'times come from the caller', 'RANDOM': 'randomness comes from the caller',
         'GREATEST': 'write CASE', 'LEAST': 'write CASE'}
MARKS = {'::': 'write CAST', '->': 'JSON is taken apart in C', '->>': 'JSON is taken apart in C',
         '/': 'division of integers is done in C'}

LEXEMES = re.compile(r'''
    (?P<blank>\s+)
  | (?P<comment>--[^\n]*|/\*.*?\*/)
  | (?P<string>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<open>/\*|'|"|\$[A-Za-z_0-9]*\$)
  | (?P<placeholder>\?\d*|\$\d+|[$@][A-Za-z_]\w*)
  | (?P<parameter>:[A-Za-z_]\w*)
  | (?P<number>\d[\w.]*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark>::|->>|->|\#>>|\#>|@>|<@|\|\||<=|>=|<>|!=|==|[-+*/<>=~!@\#%^&|(),.;:\[\]])
''', re.VERBOSE | re.DOTALL | re.ASCII)
DIRECTIVE = re.compile(r'--\s*([a-z][a-z_]*):(.*)')
LONE_DIRECTIVE = re.compile(r'--\s*(arrays|nothing)(?:\s\s.*|\s*)')
STATEMENT_NAME = re.compile(r'[a-z][a-z0-9]*(?:_[a-z0-9]+)*')
FIELD = re.compile(r'([a-z][a-z0-9_]*)\s+(\w+)((?:\[\]|\?)*)')
RULE = re.compile(r'(\w+)\s*=\s*(\w+)(?:\s+([A-Z][A-Z0-9_]*))?')
MODULE_NAME = re.compile(r'[a-z][a-z0-9_]*')


class Problems:
    """Every error of a run."""

    def __init__(self):
        self.found = []

    def add(self, path, line, text):
        self.found.append((str(path), line, text))

    def __str__(self):
        return '\n'.join('%s:%d: %s' % problem for problem in sorted(set(self.found)))


class Field:
    def __init__(self, name, kind, nullable=False, is_list=False):
        self.name, self.kind, self.nullable, self.is_list = name, kind, nullable, is_list

    def __str__(self):
        return '%s %s%s%s' % (self.name, self.kind, '[]' * self.is_list, '?' * self.nullable)


class Rule:
    def __init__(self, status, reason, place):
        self.status, self.reason, self.place = status, reason, place


class Variant:
    """What a dialect makes of a statement: its own override over the common text."""

    def __init__(self, statement, override):
        said = override or statement
        self.nothing = said.nothing
        self.arrays = said.arrays
        self.steps = [] if self.nothing else said.steps or statement.steps
        expect = statement.expect if said.expect is None else said.expect
        self.expect = None if self.nothing or expect == ANY else expect
        self.plan = said.plan or statement.plan


class Statement:
    """What one header and its text say; in an override, no more than what it says itself."""

    def __init__(self, name, path, line, dialect):
        self.name, self.path, self.line, self.dialect = name, path, line, dialect
        self.lines = {}  # of each directive
        self.params, self.each, self.columns = [], [], []
        self.expect = self.plan = None
        self.rules = {}
        self.arrays = self.nothing = False
        self.steps = []
        self.variants = {}

    @property
    def fields(self):
        return self.params + self.each

    def line_of(self, directive):
        return self.lines.get(directive, self.line)


class Module:
    def __init__(self, name, path):
        self.name, self.path, self.first = name, path, 0
        self.statements = []


# ------------------------------------------------------------------------- reading

def lex(path, text, problems):
    """(token, whether nothing but blanks stands before it on its line); comments are tokens."""
    position, line, spaced = 0, 1, False
    while position < len(text):
        match = LEXEMES.match(text, position)
        kind, lexeme = (match.lastgroup, match.group()) if match else ('unknown', text[position])
        if kind == 'open':
            problems.add(path, line, 'what begins with %s here is not closed, or is no string of '
                         "the subset: '…', \"…\", /* … */" % lexeme)
            return
        if kind == 'placeholder':
            problems.add(path, line, '%s is written by hand: parameters are named, :name' % lexeme)
        elif kind == 'unknown':
            problems.add(path, line, 'the character %s has no meaning here' % lexeme)
        elif kind == 'comment' and '/*' in lexeme[2:] and lexeme.startswith('/*'):
            problems.add(path, line, 'a comment within a comment: they nest in one dialect only')
        elif kind != 'blank':
            begin = text.rfind('\n', 0, position) + 1
            yield Token(kind, lexeme, line, spaced), not text[begin:position].strip()
        spaced = kind in ('blank', 'comment')
        position += len(lexeme)
        line += lexeme.count('\n')


class Reader:
    """Takes the tokens of one file apart into statements."""

    def __init__(self, path, dialect, problems):
        self.path, self.dialect, self.problems = path, dialect, problems
        self.statements = []
        self.current = None
        self.step = []
        self.is_headless = False

    def fail(self, line, text):
        self.problems.add(self.path, line, text)

    def read(self, text):
        for token, leading in lex(self.path, text, self.problems):
            if token.kind != 'comment':
                self.take(token)
            elif leading and token.text.startswith('--'):
                self.comment(token)
        self.finish_text()
        return self.statements

    def take(self, token):
        if self.current is None:
            if not self.is_headless:
                self.fail(token.line, 'a text before the first `-- name:`')
            self.is_headless = True
        elif token.text != ';':
            self.step.append(token)
        elif not self.step:
            self.fail(token.line, '`;` without a statement before it')
        else:
            self.current.steps.append(self.step)
            self.step = []

    def finish_text(self):
        if self.step:
            self.fail(self.step[-1].line, 'missing `;`: every statement ends with one')
            self.current.steps.append(self.step)
            self.step = []

    def comment(self, token):
        match = DIRECTIVE.match(token.text)
        lone = LONE_DIRECTIVE.fullmatch(token.text)
        if match:
            self.directive(token.line, match[1], match[2].strip())
        elif lone:
            self.directive(token.line, lone[1], '')

    def directive(self, line, name, rest):
        function = getattr(self, 'read_' + name, None)
        if function is None or (rest and name in ('arrays', 'nothing')):
            self.fail(line, 'unknown directive `%s`: a comment begins with a capital letter' % name)
            return
        if name == 'name':
            self.finish_text()
        elif self.current is None:
            self.fail(line, '`-- %s` before the first `-- name:`' % name)
            return
        elif self.current.steps or self.step:
            self.fail(line, '`-- %s` behind the text: what is said of a statement stands before it'
                      % name)
            return
        elif name in self.current.lines and name not in ('params', 'each', 'columns', 'on'):
            self.fail(line, '`-- %s` is said twice' % name)
            return
        if name in ('params', 'each', 'columns') and self.dialect:
            self.fail(line, 'an override inherits `%s`: it cannot say them anew' % name)
        elif name in ('arrays', 'nothing') and not self.dialect:
            self.fail(line, '`-- %s` is for overrides only' % name)
        else:
            function(line, rest)
            self.current.lines.setdefault(name, line)

    def read_name(self, line, rest):
        if not STATEMENT_NAME.fullmatch(rest):
            self.fail(line, 'the name `%s` is not of the form noun_verb, in small letters' % rest)
        if any(statement.name == rest for statement in self.statements):
            self.fail(line, 'the name %s is used twice' % rest)
        self.current = Statement(rest, self.path, line, self.dialect)
        self.statements.append(self.current)

    def read_params(self, line, rest):
        self.current.params += self.fields(line, rest, self.current.fields)

    def read_each(self, line, rest):
        self.current.each += self.fields(line, rest, self.current.fields)

    def read_columns(self, line, rest):
        found = self.fields(line, rest, self.current.columns)
        for field in found:
            if field.is_list:
                self.fail(line, 'column %s: only a parameter can be a list' % field.name)
        self.current.columns += found

    def fields(self, line, rest, others):
        found = []
        for part in rest.split(','):
            match = FIELD.fullmatch(part.strip())
            if not match:
                self.fail(line, '`%s` is not of the form `name type`' % part.strip())
                continue
            name, kind, flags = match.groups()
            if kind not in render.KINDS:
                self.fail(line, '%s has the unknown type %s: types are int, text and blob'
                          % (name, kind))
            elif flags not in ('', '?', '[]'):
                self.fail(line, '%s: a type is followed by ? or by [], once' % name)
            elif any(field.name == name for field in others + found):
                self.fail(line, '%s is declared twice' % name)
            elif name in C_KEYWORDS:
                self.fail(line, '%s is a word of C: it cannot name a field' % name)
            else:
                found.append(Field(name, kind, flags == '?', flags == '[]'))
        return found

    def read_expect(self, line, rest):
        number = rest.split()[0] if rest else ''
        if number == ANY and self.dialect:
            self.current.expect = ANY
        elif number == ANY:
            self.fail(line, '`-- expect: any` is for overrides only')
        elif re.fullmatch('[0-9]{1,10}', number) and int(number) <= EXPECT_MAX:
            self.current.expect = int(number)
        else:
            self.fail(line, '`-- expect:` takes a number of rows')

    def read_on(self, line, rest):
        match = RULE.fullmatch(rest)
        if not match:
            self.fail(line, '`-- on:` is of the form `class = STATUS REASON`')
        elif match[1] not in FAULTS:
            self.fail(line, 'unknown class %s: classes are %s' % (match[1], ', '.join(FAULTS)))
        elif match[2] not in STATUSES:
            self.fail(line, 'unknown status %s: a status is one of farmcore/base.h, without FARM_'
                      % match[2])
        elif match[1] in self.current.rules:
            self.fail(line, 'the class %s is said twice' % match[1])
        else:
            self.current.rules[match[1]] = Rule(match[2], match[3], (self.path, line))

    def read_plan(self, line, rest):
        match = re.fullmatch(r'scan\s+(\S.*)', rest)
        if match:
            self.current.plan = match[1]
        else:
            self.fail(line, '`-- plan:` is of the form `scan`, then why')

    def read_arrays(self, line, rest):
        self.current.arrays = True

    def read_nothing(self, line, rest):
        self.current.nothing = True


def read_file(path, dialect, problems):
    try:
        return Reader(path, dialect, problems).read(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError) as error:
        problems.add(path, 1, 'cannot be read: %s' % error)
        return []


# ------------------------------------------------------------------------- checking

def check_parameters(statement, steps, said, problems):
    """said: whose header to blame, the statement's or its override's."""
    declared = {field.name for field in statement.fields}
    used = set()
    for token in (token for step in steps for token in step if token.kind == 'parameter'):
        used.add(token.text[1:])
        if token.text[1:] not in declared:
            problems.add(said.path, token.line,
                         '%s is not declared: parameters stand in `params` or `each`' % token.text)
    if statement.name.startswith(tuple(SHAPES)):
        return  # what they are given is not theirs to choose
    for group, fields in (('params', statement.params), ('each', statement.each)):
        for field in fields:
            if field.name not in used:
                problems.add(said.path, said.line_of(group), 'parameter %s of %s is not used by '
                             'the text: declare what it takes' % (field.name, statement.name))


def check_lists(statement, steps, said, problems):
    """A list has one use that every dialect has; texts for Postgres alone may do as they like."""
    lists = {':' + field.name for field in statement.fields if field.is_list}
    if said.dialect == 'postgres':
        return
    for step in steps:
        for index, token in enumerate(step):
            if token.text not in lists or (index >= 2 and render.list_place(step, index - 2)):
                continue
            if said.dialect and index >= 2 and step[index - 2].text == 'farm_list':
                continue
            problems.add(said.path, token.line, '%s is a list: it stands in `IN (%s)` only'
                         % (token.text, token.text))


def check_columns(statement, steps, said, problems):
    step = steps[-1]
    line = step[0].line
    if statement.columns and not render.returns_rows(step):
        problems.add(said.path, line, '%s has columns, but its last step neither is a SELECT nor '
                     'has RETURNING' % statement.name)
        return
    if not statement.columns:
        if not said.dialect and render.returns_rows(step):
            problems.add(said.path, line, '%s returns rows: say which in `columns`'
                         % statement.name)
        return
    total, expected = render.column_total(step), len(statement.columns) + said.arrays
    if total is not None and total != expected:
        problems.add(said.path, line, '%s returns %d columns, declared are %d%s'
                     % (statement.name, total, len(statement.columns),
                        ' and the ordinal' if said.arrays else ''))


def unportable(step):
    """(line, what, what to write instead) of what is not in the portable subset."""
    for index, token in enumerate(step):
        name = word(token)
        if name in SINGLE_WORDS:
            yield token.line, token.text, SINGLE_WORDS[name]
        elif name in CALLS and render.calls(step, index):
            yield token.line, token.text + '()', CALLS[name]
        elif token.kind == 'mark' and token.text in MARKS:
            yield token.line, token.text, MARKS[token.text]
    place = render.locking_place(step)
    if place is not None:
        yield step[place].line, 'FOR %s' % word(step[place + 1]), 'SQLite has no locks of rows'
    place = render.writing_place(step)
    if place is not None:
        yield (step[place].line, '(%s' % word(step[place]),
               'common table expressions that write are known to Postgres alone')


def check_shape(statement, problems):
    for prefix, (params, columns) in SHAPES.items():
        if not statement.name.startswith(prefix):
            continue
        for group, expected in (('params', params), ('columns', columns), ('each', '')):
            said = ', '.join(str(field) for field in getattr(statement, group))
            if said != expected:
                problems.add(statement.path, statement.line_of(group), '%s… has `%s: %s`, not `%s`'
                             % (prefix, group, expected or 'none', said or 'none'))
        if prefix == 'check_' and not all(map(render.only_reads, statement.steps)):
            problems.add(statement.path, statement.line, 'check_… only reads')


def check_statement(statement, problems):
    check_shape(statement, problems)
    if not statement.steps:
        problems.add(statement.path, statement.line, '%s has no text' % statement.name)
        return
    check_text(statement, statement.steps, statement, problems)
    for step in statement.steps:
        for line, what, instead in unportable(step):
            problems.add(statement.path, line, '%s is not in the portable subset: %s, or an '
                         'override says it' % (what, instead))


def check_text(statement, steps, said, problems):
    check_parameters(statement, steps, said, problems)
    check_lists(statement, steps, said, problems)
    check_columns(statement, steps, said, problems)


def check_override(statement, override, problems):
    def fail(directive, text):
        problems.add(override.path, override.line_of(directive), text)

    if override.nothing and (override.steps or override.arrays or override.expect is not None):
        fail('nothing', '`-- nothing` stands alone')
        return
    if not override.steps and set(override.lines) == {'name'}:
        fail('name', '%s overrides nothing: give it a text, or say `-- nothing`' % override.name)
    if override.arrays:
        if override.dialect == 'sqlite':
            fail('arrays', 'SQLite has no arrays')
        if not override.steps:
            fail('arrays', '`-- arrays` needs a text of its own')
        if not statement.each:
            fail('arrays', '`-- arrays`, but %s has nothing in `each`' % statement.name)
        for field in statement.each:
            if field.is_list:
                fail('arrays', '%s is a list already: it cannot vary by row in an array'
                     % field.name)
    if override.steps:
        check_text(statement, override.steps, override, problems)


def check_wrapping(statement, override, problems):
    """An expectation wraps the text on Postgres, and only a whole text may write in its WITH."""
    variant = statement.variants['postgres']
    if override is None or variant.expect is None or not variant.steps:
        return
    place = render.writing_place(variant.steps[-1])
    if place is not None:
        problems.add(override.path, variant.steps[-1][place].line, 'a common table expression that '
                     'writes cannot be wrapped: say `-- expect: any` and call farm_expect() here')


def add_rules(statement, override, problems):
    """The table of errors is one for all dialects."""
    for fault, rule in override.rules.items():
        known = statement.rules.setdefault(fault, rule)
        if (known.status, known.reason) != (rule.status, rule.reason):
            problems.add(*rule.place, 'the class %s means something else in %s:%d: it means the '
                         'same in all dialects' % (fault, *known.place))


def check_lengths(module, statement, problems):
    for dialect in DIALECTS:
        for text in render.texts(statement, dialect):
            size = len(text.encode())
            if size > render.LITERAL_MAX:
                problems.add(module.path, statement.line, 'a text of %s for %s has %d bytes, and C '
                             'allows %d' % (statement.name, dialect, size, render.LITERAL_MAX))


def check_names(module, problems):
    """The types made for a statement are called like it, so another must not be."""
    names = {statement.name for statement in module.statements}
    for statement in module.statements:
        stem, _, suffix = statement.name.rpartition('_')
        if suffix in ('params', 'each', 'row', 'function') and stem in names:
            problems.add(module.path, statement.line, '%s is also a type made for %s'
                         % (statement.name, stem))


# ------------------------------------------------------------------------- the run

def read_overrides(module, folders, problems):
    """{(dialect, name): override} of those that override something."""
    found = {}
    names = {statement.name for statement in module.statements}
    for dialect, folder in folders:
        path = folder / (module.name + '.sql')
        for override in read_file(path, dialect, problems) if path.exists() else []:
            if override.name in names:
                found[dialect, override.name] = override
            else:
                problems.add(path, override.line, '%s.%s is unknown: an override names a statement '
                             'of %s' % (module.name, override.name, module.path))
    return found


def read_module(module, folders, problems):
    before = len(problems.found)
    module.statements = read_file(module.path, None, problems)
    if not module.statements and len(problems.found) == before:
        problems.add(module.path, 1, 'there is no statement in it')
    check_names(module, problems)
    overrides = read_overrides(module, folders, problems)
    for statement in module.statements:
        check_statement(statement, problems)
        for dialect in DIALECTS:
            override = overrides.get((dialect, statement.name))
            if override:
                check_override(statement, override, problems)
                add_rules(statement, override, problems)
            statement.variants[dialect] = Variant(statement, override)
        check_wrapping(statement, overrides.get(('postgres', statement.name)), problems)
        # Texts can be made only of what is right so far.
        if len(problems.found) == before:
            check_lengths(module, statement, problems)


def write_changed(path, text):
    """Leave a file that is right already alone: what depends on it need not be built again."""
    data = text.encode()
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def write_all(modules, out, plans):
    out.mkdir(parents=True, exist_ok=True)
    for module in modules:
        write_changed(out / (module.name + '_sql.h'), render.header(module))
        write_changed(out / (module.name + '_sql.c'), render.source(module))
    write_changed(out / 'store_modules.c', render.modules_source(modules))
    if plans:
        write_changed(plans, render.plans_text(modules))


def parse_arguments(arguments):
    def pair(text):
        name, equals, path = text.partition('=')
        if not (MODULE_NAME.fullmatch(name) and equals and path):
            raise argparse.ArgumentTypeError('%s is not of the form name=path' % text)
        return name, pathlib.Path(path)

    def override(text):
        dialect, path = pair(text)
        if dialect not in DIALECTS:
            raise argparse.ArgumentTypeError('%s is no dialect' % dialect)
        return dialect, path

    parser = argparse.ArgumentParser(description='Generate C from named SQL statements.')
    parser.add_argument('--out', required=True, type=pathlib.Path, metavar='DIR')
    parser.add_argument('--module', required=True, nargs='+', action='extend', type=pair,
                        metavar='NAME=FILE')
    parser.add_argument('--override', nargs='+', action='extend', type=override, default=[],
                        metavar='DIALECT=DIR')
    parser.add_argument('--plans', type=pathlib.Path, metavar='FILE')
    options = parser.parse_args(arguments)
    for values in (options.module, options.override):
        names = [name for name, _ in values]
        for name in sorted({name for name in names if names.count(name) > 1}):
            parser.error('%s is named twice' % name)
    return options


def main(arguments=None):
    options = parse_arguments(arguments)
    problems = Problems()
    modules, number = [], 0
    for name, path in options.module:
        module = Module(name, path)
        module.first = number
        read_module(module, options.override, problems)
        number += len(module.statements)
        modules.append(module)
    if problems.found:
        print(problems, file=sys.stderr)
        return 1
    write_all(modules, options.out, options.plans)
    return 0


if __name__ == '__main__':
    sys.exit(main())
