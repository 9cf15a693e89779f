"""Reading of the modules' x.sql: from the characters of a file to statements, as docs/sql.md
specifies. What is wrong with a statement as a whole is found in statements.py.
"""

import re

import statements_render as render
from statements_render import FAULTS, Token

STATUSES = ('ENOMEM EINVAL ENOTFOUND EEXISTS ECONFLICT EREFUSED EAGAIN ETIMEOUT EUNAVAILABLE '
            'EUNCERTAIN EDENIED EREADONLY EFULL ECORRUPT EUNSUPPORTED EINTERNAL').split()
C_KEYWORDS = set('auto break case char const continue default do double else enum extern float for '
                 'goto if inline int long register restrict return short signed sizeof static '
                 'struct switch typedef union unsigned void volatile while'.split())
ANY = 'any'
EXPECT_MAX = 2 ** 31 - 1

LEXEMES = re.compile(r'''
    (?P<blank>\s+)
  | (?P<comment>--[^\n]*|/\*.*?\*/)
  | (?P<string>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<open>/\*|'|"|\$[A-Za-z_0-9]*\$)
  | (?P<placeholder>\?\d*|\$\d+|[$@][A-Za-z_]\w*)
  | (?P<parameter>:[A-Za-z_]\w*)
  | (?P<fragment>\{[a-z][a-z0-9_]*\})
  | (?P<number>\d[\w.]*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark>::|->>|->|\#>>|\#>|@>|<@|\|\||<=|>=|<>|!=|==|[-+*/<>=~!@\#%^&|(),.;:\[\]])
''', re.VERBOSE | re.DOTALL | re.ASCII)
DIRECTIVE = re.compile(r'--\s*([a-z][a-z_]*):(.*)')
LONE_DIRECTIVE = re.compile(r'--\s*(arrays|nothing)(?:\s\s.*|\s*)')
STATEMENT_NAME = re.compile(r'[a-z][a-z0-9]*(?:_[a-z0-9]+)*')
FIELD = re.compile(r'([a-z][a-z0-9_]*)\s+(\w+)((?:\[\]|\?)*)')
RULE = re.compile(r'(\w+)\s*=\s*(\w+)(?:\s+([A-Z][A-Z0-9_]*))?')


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


class Statement:
    """What one header and its text say; in an override, no more than what it says itself."""

    def __init__(self, name, path, line, dialect):
        self.name, self.path, self.line, self.dialect = name, path, line, dialect
        self.lines = {}  # of each directive
        self.params, self.each, self.columns = [], [], []
        self.like = None  # the statement whose params and each these are
        self.rows = None  # the statement whose columns these are
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

    def __init__(self, path, dialect, fragments, problems):
        self.path, self.dialect, self.problems = path, dialect, problems
        self.statements = []
        self.fragments = fragments  # {name: tokens}: those of the common text serve overrides, too
        self.fragment = None        # the name of the one that is being read
        self.current_line = 1
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
        if token.kind == 'fragment':
            self.take_fragment(token)
        elif self.fragment:
            self.take_into_fragment(token)
        elif self.current is None:
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

    def take_fragment(self, token):
        found = self.fragments.get(token.text[1:-1])
        if found is None:
            self.fail(token.line, 'there is no fragment %s before this line' % token.text)
        for index, part in enumerate(found or []):
            self.take(part._replace(line=token.line, spaced=part.spaced or index == 0))

    def take_into_fragment(self, token):
        if token.text == ';':
            self.fragment = None
        else:
            self.fragments[self.fragment].append(token)

    def finish_text(self):
        if self.fragment:
            self.fail(self.current_line, 'missing `;`: every fragment ends with one')
            self.fragment = None
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
        if name in ('name', 'fragment'):
            self.finish_text()
            self.current_line = line
        elif self.fragment or self.current is None:
            self.fail(line, '`-- %s` before the first `-- name:`, or in a fragment' % name)
            return
        elif self.current.steps or self.step:
            self.fail(line, '`-- %s` behind the text: what is said of a statement stands before it'
                      % name)
            return
        elif name in self.current.lines and name not in ('params', 'each', 'columns', 'on'):
            self.fail(line, '`-- %s` is said twice' % name)
            return
        if name in ('params', 'each', 'columns', 'rows') and self.dialect:
            self.fail(line, 'an override inherits `%s`: it cannot say them anew' % name)
        elif name in ('arrays', 'nothing') and not self.dialect:
            self.fail(line, '`-- %s` is for overrides only' % name)
        else:
            function(line, rest)
            if self.current:
                self.current.lines.setdefault(name, line)

    def read_name(self, line, rest):
        if not STATEMENT_NAME.fullmatch(rest):
            self.fail(line, 'the name `%s` is not of the form noun_verb, in small letters' % rest)
        if any(statement.name == rest for statement in self.statements):
            self.fail(line, 'the name %s is used twice' % rest)
        self.current = Statement(rest, self.path, line, self.dialect)
        self.statements.append(self.current)

    def read_fragment(self, line, rest):
        if self.dialect:
            self.fail(line, 'a fragment stands in the common text: there overrides find it')
        elif not STATEMENT_NAME.fullmatch(rest) or rest in self.fragments:
            self.fail(line, 'a fragment has a name of its own, in small letters')
        self.fragment, self.current = rest, None
        self.fragments[rest] = []

    def check_own(self, line):
        if self.current.like:
            self.fail(line, 'params and each are those of %s already' % self.current.like.name)

    def read_params(self, line, rest):
        self.check_own(line)
        self.current.params += self.fields(line, rest, self.current.fields)

    def read_each(self, line, rest):
        self.check_own(line)
        self.current.each += self.fields(line, rest, self.current.fields)

    def before(self, name):
        return next((known for known in self.statements[:-1] if known.name == name), None)

    def read_rows(self, line, rest):
        found = self.before(rest)
        if found is None or self.current.columns:
            self.fail(line, '`-- rows:` names a statement before this one, and stands instead of '
                      'columns')
            return
        self.current.rows = found.rows or found
        self.current.columns = list(found.columns)

    def read_like(self, line, rest):
        found = self.before(rest)
        if found is None or self.current.fields or self.dialect:
            self.fail(line, '`-- like:` names a statement before this one in the common text, and '
                      'stands instead of params and each')
            return
        self.current.like = found.like or found
        self.current.params, self.current.each = list(found.params), list(found.each)

    def read_columns(self, line, rest):
        if self.current.rows:
            self.fail(line, 'the columns are those of %s already' % self.current.rows.name)
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


def read_file(path, dialect, fragments, problems):
    try:
        return Reader(path, dialect, fragments, problems).read(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError) as error:
        problems.add(path, 1, 'cannot be read: %s' % error)
        return []
