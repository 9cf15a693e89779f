// The example of the README does what it says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { folder } from './support.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('the example prints what the README says', (t) => {
  const place = folder(t);
  mkdirSync(join(place, 'node_modules'));
  symlinkSync(here('..'), join(place, 'node_modules', 'farmcore'));
  cpSync(here('../../../examples/quickstart.mjs'), join(place, 'quickstart.mjs'));

  const done = spawnSync(process.execPath, [join(place, 'quickstart.mjs')], { encoding: 'utf8' });

  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^allowed \{\s*'RateLimit-Policy': '"user";q=120;w=60'/);
  assert.equal(done.stdout.split("[ 201, 'order of 3 apples' ]").length, 3);
  assert.match(done.stdout, /\[ \[ 1n \] \]\n$/);
});
