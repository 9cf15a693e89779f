// Topics: what was signalled before, between or during waits is found. And whose threads calls run
// on.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ENDLESS, failure, folder, onStores } from './support.mjs';
import { Store } from '../lib/index.mjs';

const INBOX = ['ana', 'inbox'];
const LONG_US = 20_000_000;

onStores('the first wait answers all, and the next what changed', async (store) => {
  const watch = store.watch(INBOX, ['ben', 'inbox']);
  assert.deepEqual(await watch.next(), [INBOX, ['ben', 'inbox']]);
  assert.deepEqual(await watch.next(0), []);

  await store.service.signal(['ben', 'inbox']);

  assert.deepEqual(await watch.next(LONG_US), [['ben', 'inbox']]);
  assert.deepEqual(await watch.next(1000), []);
});

onStores('a signal is part of the transaction', async (store) => {
  const watch = store.watch(INBOX);
  await watch.next();
  await assert.rejects(store.transaction(async (tx) => {
    await tx.signal(INBOX);
    throw new Error('no');
  }, { service: true }));
  assert.deepEqual(await watch.next(0), []);

  await store.transaction((tx) => tx.signal(INBOX), { actor: 'ana' });

  assert.deepEqual(await watch.next(LONG_US), [INBOX]);
});

onStores('many wait at once, more than there are sessions', async (store) => {
  const topics = Array.from({ length: 20 }, (_, i) => ['ana', `t-${i}`]);
  const watches = topics.map((topic) => store.watch(topic));
  for (const watch of watches) await watch.next();
  const waits = watches.map((watch) => watch.next(LONG_US));

  for (const topic of topics) await store.service.signal(topic);

  assert.deepEqual(await Promise.all(waits), topics.map((topic) => [topic]));
});

onStores('others may not signal, and misuse is refused', async (store) => {
  await assert.rejects(store.as('eve').signal(INBOX), failure('FARM_EDENIED'));
  await assert.rejects(store.service.signal(), failure('FARM_EINVAL'));
  await assert.rejects(store.watch(['', 'inbox']).next(0), failure('FARM_EINVAL'));
  await assert.rejects(store.service.signal(['ana', 1]), TypeError);
});

onStores('closing ends a wait', async (store) => {
  const watch = store.watch(INBOX);
  await watch.next();
  const wait = assert.rejects(watch.next(), failure('FARM_EINVAL'));
  await store.close();
  await wait;
});

test('calls that take long hold up neither files nor names', async (t) => {
  const store = await Store.open(`sqlite:${join(folder(t), 'shop.db')}`, { sessions: 8 });
  await store.migrate();
  let isOver = false;
  const calls = Array.from({ length: 8 }, () => assert.rejects(
    store.within(2_000_000).execute(ENDLESS).finally(() => { isOver = true; }),
    failure('FARM_ETIMEOUT')));

  await readFile(import.meta.filename ?? new URL(import.meta.url));

  assert.equal(isOver, false);
  await Promise.all(calls);
  await store.close();
});

test('a worker may end while its calls run', async () => {
  const library = new URL('../lib/index.mjs', import.meta.url).href;
  const worker = new Worker(`
    import('${library}').then(async ({ Store }) => {
      const store = await Store.open('sqlite::memory:');
      await store.migrate();
      store.within(500_000).execute(\`${ENDLESS}\`).catch(() => {});
      require('node:worker_threads').parentPort.postMessage('runs');
    });`, { eval: true });
  await new Promise((resolve) => worker.once('message', resolve));
  await worker.terminate();

  const store = await Store.open('sqlite::memory:');
  await store.migrate();
  assert.equal((await store.execute('select 1'))[0][0], 1n);
  await store.close();
});
