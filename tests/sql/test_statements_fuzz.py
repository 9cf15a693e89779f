"""The generator of statements under mutations of the real files: whatever it is given, it makes its
output or names files and lines; it never ends in a traceback, nor fails to end.

FARM_FUZZ_SEED and FARM_FUZZ_COUNT choose other mutations, and how many.
"""

import contextlib
import importlib.util
import io
import os
import pathlib
import random
import re
import signal
import sys

from statements_run import GENERATOR, ROOT

SEED = int(os.environ.get('FARM_FUZZ_SEED', '1'))
COUNT = int(os.environ.get('FARM_FUZZ_COUNT', '200'))
SECONDS = 20  # of processor time that a run may take, many times what it needs

MODULES = sorted(path.stem for path in (ROOT / 'src').glob('*/*.sql')
                 if path.parent.name == path.stem)
DIALECTS = ('sqlite', 'postgres')
TOKENS = ("'", '"', ';', '--', '-- ', '/*', '*/', ':', '::', ':now', '$$', '$1', '?1', '(', ')',
          '[]', '?', ',', '\n', '\r\n', '\t', '\0', 'ü', '\u2028', '\\', '%', '%s', '{schema}',
          'WHERE', 'RETURNING', 'SELECT', 'AS', 'expect: 1', '-- name: a_b\n', '-- each: a int\n',
          '-- params: a int[], b text?\n', '-- columns: a int\n', '-- on: guard = EREFUSED X\n',
          '-- expect: 99999999999999999999\n', '-- plan: scan\n', '-- arrays\n', '-- nothing\n',
          'x' * 5000, '(' * 300, 'E\'\\\'', '0x', '1e999', 'farm_')
PROBLEM = re.compile(r'\S+\.sql:\d+: \S')


def load():
    sys.path.insert(0, str(GENERATOR.parent))
    spec = importlib.util.spec_from_file_location('statements', GENERATOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mutate(chance, text):
    """A few changes to a text."""
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(text) + 1)
        to = min(len(text), at + chance.choice((1, 2, 8, 60)))
        how = chance.randrange(7)
        if how == 0:
            text = text[:at] + text[to:]
        elif how == 1:
            text = text[:at] + chance.choice(TOKENS) + text[at:]
        elif how == 2:
            text = text[:at] + chance.choice(TOKENS) + text[to:]
        elif how == 3:
            text = text[:at] + text[at:to] * 2 + text[to:]
        elif how == 4:
            lines = text.split('\n')
            lines.insert(chance.randrange(len(lines)), chance.choice(lines))
            text = '\n'.join(lines)
        elif how == 5:
            lines = text.split('\n')
            del lines[chance.randrange(len(lines))]
            text = '\n'.join(lines)
        else:
            words = sorted(set(re.findall(r'\w+', text))) or ['a']
            text = re.sub(r'\b%s\b' % chance.choice(words), chance.choice(words), text,
                          count=chance.choice((0, 1)))
    return text


def lay_out(folder, files):
    """Module files in the folder, overrides in one of their own for each dialect."""
    arguments = ['--out', str(folder / 'out'), '--plans', str(folder / 'plans.txt')]
    for dialect in DIALECTS:
        (folder / dialect).mkdir(exist_ok=True)
        arguments += ['--override', '%s=%s' % (dialect, folder / dialect)]
    for name, data in files.items():
        (folder / name).write_bytes(data)
    for module in MODULES:
        arguments += ['--module', '%s=%s' % (module, folder / (module + '.sql'))]
    return arguments


def real_files():
    files = {module + '.sql': ROOT / 'src' / module / (module + '.sql') for module in MODULES}
    for dialect in DIALECTS:
        for path in sorted((ROOT / 'backends' / dialect).glob('*.sql')):
            files['%s/%s' % (dialect, path.name)] = path
    return {name: path.read_bytes() for name, path in files.items()}


def out_of_time(number, frame):
    raise TimeoutError('the generator did not end within %d s' % SECONDS)


def run(generator, arguments):
    errors = io.StringIO()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with contextlib.redirect_stderr(errors):
            status = generator.main(arguments)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return status, errors.getvalue()


def check(status, errors, folder):
    assert status in (0, 1)
    lines = errors.splitlines()
    if status == 1:
        assert lines and PROBLEM.match(lines[0]), errors
    else:
        assert not lines
        for module in MODULES:
            assert (folder / 'out' / (module + '_sql.c')).stat().st_size > 0


def test_the_real_files_are_right(tmp_path):
    status, errors = run(load(), lay_out(tmp_path, real_files()))
    assert status == 0, errors


def test_whatever_the_files_hold_it_ends_with_output_or_with_file_and_line(tmp_path):
    generator, files = load(), real_files()
    chance = random.Random(SEED)
    signal.signal(signal.SIGVTALRM, out_of_time)
    refused = 0
    for number in range(COUNT):
        name = chance.choice(sorted(files))
        text = mutate(chance, files[name].decode())
        data = text.encode()
        if chance.randrange(20) == 0:
            data = data[:len(data) // 2] + bytes([chance.randrange(256)]) + data[len(data) // 2:]
        arguments = lay_out(tmp_path, {**files, name: data})
        try:
            status, errors = run(generator, arguments)
            check(status, errors, tmp_path)
        except BaseException:
            kept = pathlib.Path(tmp_path / 'mutation.sql')
            kept.write_bytes(data)
            print('seed %d, mutation %d of %s, kept in %s' % (SEED, number, name, kept))
            raise
        refused += status
    # Else the mutations say nothing.
    assert COUNT // 4 < refused
