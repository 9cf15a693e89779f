#!/usr/bin/env python3
"""Turns the modules' x.sql into x_sql.h and x_sql.c, as docs/sql.md specifies.

    statements.py --out DIR --module NAME=PATH/x.sql … [--override DIALECT=DIR …] [--plans FILE]

Checks what statements_read.py has read; the texts of the dialects and the C are made in
statements_render.py. Every error of a run is reported, as `file:line: what is wrong and the rule`.
"""

import argparse
import pathlib
import re
import sys

# The sources are not the place for compiled files.
sys.dont_write_bytecode = True

import statements_render as render  # noqa: E402
from statements_read import ANY, Problems, read_file  # noqa: E402
from statements_render import DIALECTS, word  # noqa: E402

SHAPES = {'check_': ('now int', 'subject text, detail text'),
          'maintain_': ('now int, budget int', '')}

# What only one dialect has, or has in another sense, with what to write instead.
SINGLE_WORDS = dict.fromkeys(('CURRENT_TIMESTAMP', 'CURRENT_DATE', 'CURRENT_TIME'),
                             'times come from the caller')
CALLS = {'NOW': 'times come from the caller', 'RANDOM': 'randomness comes from the caller',
         'GREATEST': 'write CASE', 'LEAST': 'write CASE'}
MARKS = {'::': 'write CAST', '->': 'JSON is taken apart in C', '->>': 'JSON is taken apart in C',
         '/': 'division of integers is done in C'}

MODULE_NAME = re.compile(r'[a-z][a-z0-9_]*')


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


class Module:
    def __init__(self, name, path):
        self.name, self.path, self.first = name, path, 0
        self.statements = []


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

def read_overrides(module, folders, fragments, problems):
    """{(dialect, name): override} of those that override something."""
    found = {}
    names = {statement.name for statement in module.statements}
    for dialect, folder in folders:
        path = folder / (module.name + '.sql')
        if not path.exists():
            continue
        for override in read_file(path, dialect, fragments, problems):
            if override.name in names:
                found[dialect, override.name] = override
            else:
                problems.add(path, override.line, '%s.%s is unknown: an override names a statement '
                             'of %s' % (module.name, override.name, module.path))
    return found


def read_module(module, folders, problems):
    before = len(problems.found)
    fragments = {}
    module.statements = read_file(module.path, None, fragments, problems)
    if not module.statements and len(problems.found) == before:
        problems.add(module.path, 1, 'there is no statement in it')
    check_names(module, problems)
    overrides = read_overrides(module, folders, fragments, problems)
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
