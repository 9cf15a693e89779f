// The stores to test on: SQLite in memory and in a file, and Postgres where one is given.
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Store } from '../lib/index.mjs';

const { FARM_TEST_POSTGRES: app, FARM_TEST_POSTGRES_OWNER: owner } = process.env;
const HOST_TABLE = 'create table {t} (id bigint primary key, item text, data bytea)';
export const NOW_US = 1_800_000_000_000_000n;
export const ENDLESS =
  'with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n';

export const kinds = ['memory', 'file', ...(app && owner ? ['postgres'] : [])];

export function folder(t) {
  const made = mkdtempSync(join(tmpdir(), 'farm-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const withSettings = (uri, settings) => `${uri}${uri.includes('?') ? '&' : '?'}${settings}`;

/** Where a store is, and how its SQL differs. */
class Site {
  constructor(kind, t) {
    this.kind = kind;
    this.isPostgres = kind === 'postgres';
    this.schema = `bind_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
    this.table = this.isPostgres ? `${this.schema}.host` : 'host';
    this.uri = kind === 'memory' ? 'sqlite::memory:'
      : this.isPostgres ? withSettings(app, `schema=${this.schema}`)
        : `sqlite:${join(folder(t), 'shop.db')}`;
  }

  /** A statement in the words of this store: {t} is the host's table. */
  sql(text) {
    const named = text.replaceAll('{t}', this.table);
    return this.isPostgres ? named.replaceAll(/\?(\d)/g, '$$$1') : named;
  }

  async asOwner(work) {
    const store = await Store.open(withSettings(owner, `schema=${this.schema}&grant_to=farm_app`));
    await work(store);
    await store.close();
  }

  async prepare() {
    if (!this.isPostgres) return;
    await this.asOwner(async (store) => {
      await store.migrate();
      await store.execute(this.sql(HOST_TABLE));
      await store.execute(this.sql('grant all on {t} to farm_app'));
    });
  }

  /** The store at an address, and what makes it unreachable there. */
  async mortal(t) {
    if (!this.isPostgres) {
      const at = dirname(this.uri.slice('sqlite:'.length));
      return { uri: this.uri, kill: () => renameSync(at, join(folder(t), 'gone')) };
    }
    const { port } = new URL(this.uri);
    const sockets = new Set();
    const relay = createServer((near) => {
      const far = connect(Number(port), '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        sockets.add(one);
        one.on('error', () => {}).pipe(other);
      }
    });
    await new Promise((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
    const address = `postgres://farm_app:hush@127.0.0.1:${relay.address().port}/`;
    return {
      uri: this.uri.replace(/^postgresql:\/\/[^/]+\//, address),
      kill: () => {
        relay.close();
        for (const socket of sockets) socket.destroy();
      },
    };
  }

  async remove() {
    if (!this.isPostgres) return;
    await this.asOwner((store) => store.execute(`drop schema ${this.schema} cascade`));
  }

  async open(options) {
    const store = await Store.open(this.uri, options);
    if (!this.isPostgres) {
      await store.migrate();
      await store.execute(this.sql(HOST_TABLE.replace('table', 'table if not exists')));
    }
    return store;
  }
}

/** A test on each store: it is given an open one, with a frozen clock, and its site. */
export function onStores(name, work, { only = kinds, options } = {}) {
  for (const kind of only.filter((one) => kinds.includes(one))) {
    test(`${name} [${kind}]`, async (t) => {
      const site = new Site(kind, t);
      await site.prepare();
      const store = await site.open(options);
      store.freezeClock(NOW_US);
      try {
        await work(store, site, t);
      } finally {
        await store.close();
        await site.remove();
      }
    });
  }
}

/** What assert.rejects() and assert.throws() go by. */
export const failure = (code, reason) => (error) =>
  error.name === 'FarmError' && error.code === code
  && (reason === undefined || error.reason === reason);
