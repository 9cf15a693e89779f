"""From statements to the texts of each dialect and to C, as docs/sql.md specifies.

What a text is made of and does stands here too, since texts are rewritten by it. Reading the files
and refusing what is wrong is the business of statements.py.
"""

import re
from typing import NamedTuple

DIALECTS = ('sqlite', 'postgres')

# A C11 compiler need not take a longer literal, and -Wpedantic says so.
LITERAL_MAX = 4095
LINE_MAX = 100

VERBS = {'SELECT', 'VALUES', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE'}
WRITES = {'INSERT', 'UPDATE', 'DELETE', 'MERGE'}
# What ends the list of columns of a SELECT.
AFTER_COLUMNS = {'FROM', 'WHERE', 'GROUP', 'HAVING', 'WINDOW', 'UNION', 'EXCEPT', 'INTERSECT',
                 'ORDER', 'LIMIT', 'OFFSET', 'FETCH', 'FOR'}
FAULTS = ('unique', 'check', 'null', 'foreign', 'guard')


class Token(NamedTuple):
    kind: str     # word, quoted, string, number, parameter, mark
    text: str
    line: int
    spaced: bool  # something blank or a comment stands before it


# ------------------------------------------------------------------------- what a text does

def word(token):
    """The keyword or name in capitals; '' when the token is no word."""
    return token.text.upper() if token.kind == 'word' else ''


def outermost(tokens):
    """(index, token) of those in no brackets; the brackets themselves are left out."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.text in ('(', '['):
            depth += 1
        elif token.text in (')', ']'):
            depth -= 1
        elif depth == 0:
            yield index, token


def verb_place(tokens):
    """Index of the keyword that says what the step does, behind the list of a WITH; or None."""
    if not tokens or word(tokens[0]) != 'WITH':
        return 0 if tokens and word(tokens[0]) in VERBS else None
    return next((index for index, token in outermost(tokens) if word(token) in VERBS), None)


def verb(tokens):
    place = verb_place(tokens)
    return '' if place is None else word(tokens[place])


def returning_place(tokens):
    return next((index for index, token in outermost(tokens) if word(token) == 'RETURNING'), None)


def returns_rows(tokens):
    return verb(tokens) in ('SELECT', 'VALUES') or returning_place(tokens) is not None


def column_total(tokens):
    """How many columns the step answers; None when its text does not tell."""
    place = returning_place(tokens)
    if place is None:
        if verb(tokens) != 'SELECT':
            return None
        place = verb_place(tokens)
    total, before = 1, tokens[place]
    for _, token in outermost(tokens[place + 1:]):
        if word(token) in AFTER_COLUMNS:
            break
        if token.text == '*' and (before.text in (',', '.') or before.kind == 'word'):
            return None
        total += token.text == ','
        before = token
    return total


def locking_place(tokens):
    """Index of FOR in FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE; or None."""
    follow = {'UPDATE', 'SHARE', 'NO', 'KEY'}
    return next((index for index in range(len(tokens) - 1)
                 if word(tokens[index]) == 'FOR' and word(tokens[index + 1]) in follow), None)


def writing_place(tokens):
    """Index of the verb of a data-modifying common table expression, or None."""
    return next((index + 1 for index in range(len(tokens) - 1)
                 if tokens[index].text == '(' and word(tokens[index + 1]) in WRITES), None)


def calls(tokens, index):
    return index + 1 < len(tokens) and tokens[index + 1].text == '('


def only_reads(tokens):
    """Whether the step writes nothing and locks nothing. A function of ours may write."""
    if verb(tokens) not in ('SELECT', 'VALUES') or locking_place(tokens) is not None:
        return False
    ours = any(is_ours(token) and calls(tokens, index) and token.text != 'farm_list'
               for index, token in enumerate(tokens))
    return not ours and not any(word(token) in WRITES for token in tokens)


def is_ours(token):
    return token.kind == 'word' and re.fullmatch(r'farm_[a-z0-9_]+', token.text) is not None


def list_place(tokens, index):
    """Whether IN (:c) begins at the index."""
    return (word(tokens[index]) == 'IN' and calls(tokens, index) and index + 3 < len(tokens)
            and tokens[index + 2].kind == 'parameter' and tokens[index + 3].text == ')')


# ------------------------------------------------------------------------- texts of a dialect

def fold(pieces):
    """Join (spaced, text) with one blank where one is needed to read."""
    result = ''
    for spaced, text in pieces:
        if spaced and result and not result.endswith('(') and text not in (')', ','):
            result += ' '
        result += text
    return result


def list_pieces(pieces, dialect, number):
    """IN (:c) or NOT IN (:c), whose NOT is the last piece already."""
    if dialect == 'sqlite':
        return pieces + [(True, 'IN (SELECT value FROM farm_list(?%d))' % number)]
    if pieces and pieces[-1][1].upper() == 'NOT':
        return pieces[:-1] + [(True, '<> ALL($%d)' % number)]
    return pieces + [(True, '= ANY($%d)' % number)]


def step_text(tokens, dialect, fields):
    """One step with numbered parameters, its schema named where the dialect has schemas."""
    numbers = {':' + field.name: number for number, field in enumerate(fields, 1)}
    lists = {':' + field.name for field in fields if field.is_list}
    mark = '?' if dialect == 'sqlite' else '$'
    pieces, index = [], 0
    while index < len(tokens):
        token = tokens[index]
        if list_place(tokens, index) and tokens[index + 2].text in lists:
            pieces = list_pieces(pieces, dialect, numbers[tokens[index + 2].text])
            index += 4
            continue
        text = token.text
        if token.kind == 'parameter':
            text = '%s%d' % (mark, numbers[text])
        elif dialect == 'postgres' and is_ours(token) and tokens[index - 1].text != '.':
            text = '{schema}.' + text
        pieces.append((token.spaced, text))
        index += 1
    return fold(pieces)


def expecting_text(text, tokens, statement, variant):
    """The last step on Postgres, where an unmet expectation has to raise in the text itself."""
    expected = str(variant.expect)
    if variant.arrays:
        expected += ' * cardinality($%d)' % (len(statement.params) + 1)
    if not statement.columns:
        if not returns_rows(tokens):
            text += ' RETURNING 1'
        return ('WITH changed AS (%s) SELECT {schema}.farm_expect(count(*), %s) FROM changed'
                % (text, expected))
    wrapped = ('WITH changed AS (%s) SELECT changed.* FROM (SELECT {schema}.farm_expect('
               '(SELECT count(*) FROM changed), %s) AS met) AS guard LEFT JOIN changed ON true'
               % (text, expected))
    # The outer join answers a row of NULLs when no row is what was expected.
    return wrapped + (' OFFSET 1' if variant.expect == 0 else '')


def texts(statement, dialect):
    variant = statement.variants[dialect]
    result = [step_text(step, dialect, statement.fields) for step in variant.steps]
    if result and dialect == 'postgres' and variant.expect is not None:
        result[-1] = expecting_text(result[-1], variant.steps[-1], statement, variant)
    return result


# ------------------------------------------------------------------------- C: pieces

KINDS = {'int': 'FARM_INTEGER', 'text': 'FARM_TEXT', 'blob': 'FARM_BLOB'}


def type_value(field):
    flags = [KINDS[field.kind]]
    flags += ['FARM_TYPE_NULLABLE'] if field.nullable else []
    flags += ['FARM_TYPE_LIST'] if field.is_list else []
    return ' | '.join(flags)


def c_type(field):
    if field.is_list:
        return 'value_list '
    if field.kind == 'int':
        return 'value_integer ' if field.nullable else 'int64_t '
    return 'value_%s ' % field.kind


def from_function(field):
    if field.is_list:
        return 'value_from_list'
    if field.kind == 'int':
        return 'value_from_nullable' if field.nullable else 'value_from_integer'
    return 'value_from_' + field.kind


def decoded(field, index):
    if field.kind == 'int' and not field.nullable:
        return 'values[%d].integer' % index
    return 'value_to_%s(&values[%d])' % ('nullable' if field.kind == 'int' else field.kind, index)


def wrapped_list(begin, items, end):
    """`begin a, b, c end`; what is too long for one line goes on under the first item, or when that
    is too long as well, from a new line on."""
    items = [item + ',' for item in items[:-1]] + [items[-1] + end]
    indent, line = ' ' * len(begin), begin
    lines = []
    if any(len(begin + item.rstrip()) > LINE_MAX for item in items):
        lines, indent = [begin], ' ' * 8
        line = indent
    for item in items:
        blank = '' if line in (begin, indent) else ' '
        if blank and len(line + blank + item.rstrip()) > LINE_MAX:
            lines.append(line)
            line, blank = indent, ''
        line += blank + item
    return '\n'.join(lines + [line])


def literal(text, indent):
    """A C string, in several lines when it is long; then in brackets, as clang asks in arrays."""
    escapes = {'\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t'}
    lines, line = [], ''
    for part in re.findall(r'\S*\s*', text):
        part = ''.join(escapes.get(letter, letter) for letter in part)
        # ??( and its like are other characters to a C11 compiler.
        part = part.replace('??', '?\\?').replace('??', '?\\?')
        if line and len(indent) + len(line) + len(part) > LINE_MAX - 5:
            lines.append(line)
            line = ''
        line += part
    lines += [line] if line else []
    result = ('\n' + indent + ' ').join('"%s"' % each for each in lines)
    return result if len(lines) == 1 else '(%s)' % result


def full_name(module, statement):
    return '%s_%s' % (module.name, statement.name)


def enumerator(module, statement):
    return '%s_STATEMENT_%s' % (module.name.upper(), statement.name.upper())


# ------------------------------------------------------------------------- C: the header

def struct(name, fields):
    lines = ''.join('    %s%s;\n' % (c_type(field), field.name) for field in fields)
    return 'typedef struct %s {\n%s} %s;\n' % (name, lines, name)


def prototype(module, statement):
    name = full_name(module, statement)
    arguments = ['store_batch *batch']
    if statement.params:
        arguments.append('const %s_params *params' % name)
    if statement.each:
        arguments += ['const %s_each *each' % name, 'size_t count']
    if statement.columns:
        arguments += ['%s_function on_row' % name, 'void *context']
    return wrapped_list('void %s(' % name, arguments, ')')


def inputs(module, statement):
    """Its params and each; those of another statement are the same types under its own names."""
    for suffix, fields in (('params', statement.params), ('each', statement.each)):
        name = '%s_%s' % (full_name(module, statement), suffix)
        if fields and statement.like:
            yield 'typedef %s_%s %s;\n' % (full_name(module, statement.like), suffix, name)
        elif fields:
            yield struct(name, fields)


def declarations(module, statement):
    name = full_name(module, statement)
    parts = list(inputs(module, statement))
    if statement.columns and statement.rows:
        parts.append('typedef %s_row %s_row;\n' % (full_name(module, statement.rows), name))
    elif statement.columns:
        parts.append(struct(name + '_row', statement.columns))
    if statement.columns:
        parts.append(wrapped_list('typedef int32_t (*%s_function)(' % name,
                                  ['void *context', 'size_t ordinal',
                                   'const %s_row *row' % name], ');\n'))
    return '/* %s.%s */\n%s%s;\n' % (module.name, statement.name, ''.join(parts),
                                     prototype(module, statement))


def header(module):
    guard = module.name.upper() + '_SQL_H'
    numbers = ',\n'.join('    %s = %d' % (enumerator(module, statement), module.first + index)
                         for index, statement in enumerate(module.statements))
    return ('/* Generated by statements.py: the binders of %s.sql (docs/sql.md). */\n'
            '#ifndef %s\n#define %s\n\n#include "store/batch.h"\n#include "store/module.h"\n\n'
            'enum {\n%s\n};\n\n%s\nextern const store_module %s_statements;\n\n#endif\n'
            % (module.name, guard, guard, numbers,
               '\n'.join(declarations(module, statement) for statement in module.statements),
               module.name))


# ------------------------------------------------------------------------- C: the source

def decoder(module, statement):
    name = full_name(module, statement)
    begin = 'static int32_t decode_%s(' % statement.name
    fields = ''.join('        .%s = %s,\n' % (field.name, decoded(field, index))
                     for index, field in enumerate(statement.columns))
    return (wrapped_list(begin, ['void *context', 'size_t ordinal', 'const farm_value *values'],
                         ') {\n')
            + '    const store_sink *sink = context;\n'
            + '    const %s_row row = {\n%s    };\n\n' % (name, fields)
            + wrapped_list('    return ((%s_function)sink->on_row)(' % name,
                           ['sink->context', 'ordinal', '&row'], ');\n}\n'))


def assignments(fields, target, source, indent):
    return ''.join('%s%s%d] = %s(%s%s);\n' % (indent, target, index, from_function(field), source,
                                             field.name)
                   for index, field in enumerate(fields))


def binder(module, statement):
    count = 'count' if statement.each else '1'
    sink = ['NULL', 'NULL', 'NULL']
    if statement.columns:
        sink = ['on_row != NULL ? decode_%s : NULL' % statement.name, '(void (*)(void))on_row',
                'context']
    add = wrapped_list('    int32_t added = store_batch_add(',
                       ['batch', enumerator(module, statement), count] + sink + ['&slots'], ');\n')
    body = assignments(statement.params, 'slots.shared[', 'params->', '    ')
    if statement.each:
        body += '    for (size_t row = 0; row < count; row++) {\n'
        body += '        farm_value *values = &slots.rows[row * %d];\n\n' % len(statement.each)
        body += assignments(statement.each, 'values[', 'each[row].', '        ') + '    }\n'
    leave = '\n    if (added == 0) {\n        return;\n    }\n' if body else '    (void)added;\n'
    body = '    store_slots slots;\n' + add + leave + body
    return prototype(module, statement) + ' {\n' + body + '}\n'


def array(kind, name, items):
    return wrapped_list('static const %s %s[] = {' % (kind, name), items, '};\n')


def text_array(statement, dialect):
    lines = ''.join('    %s,\n' % literal(text, '    ') for text in texts(statement, dialect))
    return 'static const char *const %s_%s[] = {\n%s};\n' % (dialect, statement.name, lines)


def statement_arrays(statement):
    parts = [text_array(statement, dialect) for dialect in DIALECTS
             if statement.variants[dialect].steps]
    if statement.fields:
        parts.append(array('uint8_t', 'params_' + statement.name,
                           [type_value(field) for field in statement.fields]))
    if statement.columns:
        parts.append(array('uint8_t', 'columns_' + statement.name,
                           [type_value(field) for field in statement.columns]))
    return ''.join(parts)


def flags_of(variant):
    flags = ['FARM_STATEMENT_READS'] if all(only_reads(step) for step in variant.steps) else []
    flags += ['FARM_STATEMENT_ARRAYS'] if variant.arrays else []
    return ' | '.join(flags) or '0'


def statement_entry(module, statement, dialect):
    variant = statement.variants[dialect]
    values = (
        ('name', '"%s.%s"' % (module.name, statement.name)),
        ('steps', '%s_%s' % (dialect, statement.name) if variant.steps else 'NULL'),
        ('step_count', len(variant.steps)),
        ('flags', flags_of(variant)),
        ('params', 'params_' + statement.name if statement.fields else 'NULL'),
        ('columns', 'columns_' + statement.name if statement.columns else 'NULL'),
        ('param_count', len(statement.fields)),
        ('shared_count', len(statement.params)),
        ('column_count', len(statement.columns)),
        ('expect', -1 if variant.expect is None else variant.expect),
        ('number', enumerator(module, statement)))
    return '    {\n%s    },\n' % ''.join('        .%s = %s,\n' % pair for pair in values)


def statement_table(module, dialect):
    entries = ''.join(statement_entry(module, statement, dialect)
                      for statement in module.statements)
    return 'static const farm_statement %s_table[] = {\n%s};\n' % (dialect, entries)


def reason_value(module, reason):
    if not reason:
        return '0'
    return reason if reason.startswith('FARM_') else \
        'FARM_%s_REASON_%s' % (module.name.upper(), reason)


def rule_table(module):
    lines = ''
    for statement in module.statements:
        for fault in sorted(statement.rules, key=FAULTS.index):
            rule = statement.rules[fault]
            items = ['.statement = ' + enumerator(module, statement),
                     '.kind = FARM_FAULT_' + fault.upper(), '.status = FARM_' + rule.status,
                     '.reason = ' + reason_value(module, rule.reason)]
            lines += wrapped_list('    {', items, '},\n')
    return 'static const store_error_rule error_rules[] = {\n%s};\n' % lines if lines else ''


def number_table(module, name, prefix):
    numbers = [enumerator(module, statement) for statement in module.statements
               if statement.name.startswith(prefix)]
    return array('uint32_t', name, numbers) if numbers else ''


def module_object(module, tables):
    """The generated store_module; a table that the module does not have is NULL."""
    fields = [('name', '"%s"' % module.name), ('first', module.first),
              ('count', len(module.statements)),
              ('statements', '{[STORE_DIALECT_SQLITE] = sqlite_table,\n'
               '                   [STORE_DIALECT_POSTGRES] = postgres_table}')]
    for field, count, table, text in tables:
        fields.append((field, table if text else 'NULL'))
        fields.append((count, 'sizeof %s / sizeof %s[0]' % (table, table) if text else 0))
    return 'const store_module %s_statements = {\n%s};\n' % (
        module.name, ''.join('    .%s = %s,\n' % pair for pair in fields))


def source(module):
    tables = [('rules', 'rule_count', 'error_rules', rule_table(module)),
              ('checks', 'check_count', 'checks', number_table(module, 'checks', 'check_')),
              ('maintains', 'maintain_count', 'maintains',
               number_table(module, 'maintains', 'maintain_'))]
    reasons = any(rule.reason for statement in module.statements
                  for rule in statement.rules.values())
    parts = ['/* Generated by statements.py: the statements of %s.sql and their binders '
             '(docs/sql.md). */\n#include "%s_sql.h"\n%s'
             % (module.name, module.name,
                '#include <farmcore/%s.h>\n' % module.name if reasons else '')]
    for statement in module.statements:
        parts.append(statement_arrays(statement))
        if statement.columns:
            parts.append(decoder(module, statement))
        parts.append(binder(module, statement))
    parts += [statement_table(module, dialect) for dialect in DIALECTS]
    parts += [table[3] for table in tables] + [module_object(module, tables)]
    return '\n'.join(part for part in parts if part)


def modules_source(modules):
    includes = ''.join('#include "%s_sql.h"\n' % module.name for module in modules)
    dialects = ''.join('    [STORE_DIALECT_%s] = "%s",\n' % (dialect.upper(), dialect)
                       for dialect in DIALECTS)
    objects = ''.join('    &%s_statements,\n' % module.name for module in modules)
    return ('/* Generated by statements.py: the modules of this build (store/module.h). */\n'
            '#include "store/module.h"\n%s\n'
            'const char *const store_dialects[STORE_DIALECT_COUNT] = {\n%s};\n\n'
            'const store_module *const store_modules[] = {\n%s};\n\n'
            'const size_t store_module_count = sizeof store_modules / sizeof store_modules[0];\n'
            % (includes, dialects, objects))


def plans_text(modules):
    """Who may scan a whole table, for tests: dialect, statement and reason, apart by tabs."""
    return ''.join('%s\t%s.%s\t%s\n' % (dialect, module.name, statement.name,
                                        statement.variants[dialect].plan)
                   for module in modules for statement in module.statements
                   for dialect in DIALECTS if statement.variants[dialect].plan)
