'use strict';
// The store, views of it, and transactions; each in two forms, with promises and without.
const native = require('./native.cjs');
const { FarmError, translate, make } = require('./errors.cjs');
const { Sessions, AsyncSource, SyncSource, AsyncPinned, SyncPinned } = require('./sessions.cjs');
const { AsyncLedger, SyncLedger } = require('./ledger.cjs');
const { Rate, Idempotency, AsyncRoles, SyncRoles } = require('./modules.cjs');

const version = `${native.VERSION_MAJOR}.${native.VERSION_MINOR}.${native.VERSION_PATCH}`;
const NOBODY = Object.freeze({ actor: null, isService: false, timeoutUs: 0n });
const DEFAULT_TIMEOUT_US = 30_000_000n;

function bounded(scope, timeoutUs) {
  return timeoutUs === undefined ? scope : { ...scope, timeoutUs: BigInt(timeoutUs) };
}

/** What freezes a clock at a time; null lets it run, and is the library's -1. */
function clock(nowUs) {
  return BigInt(nowUs ?? -1n);
}

/** The scope of a transaction: the view's, but for what the options say. */
function transactionScope(scope, { actor, service = false, timeoutUs }) {
  const own = actor === undefined && !service ? scope
    : { ...scope, actor: actor ?? null, isService: service };
  return bounded(own, timeoutUs);
}

/** What health() answers when there is no session to ask with. As in farm_health(), what is wrong
 * with the call itself stays an error. */
function down(error, backend, begunMs) {
  const isAnswer = error instanceof FarmError && error.status !== native.EINVAL
    && error.status !== native.ENOMEM;
  if (!isAnswer) throw error;
  return { ok: false, latency_ms: performance.now() - begunMs, version, backend, schema: 0,
    error: error.message, status: error.code };
}

/** A store as one actor sees it. Views are cheap, and may be kept. */
class View {
  #source;
  #scope;

  constructor(source, scope) {
    this.#source = source;
    this.#scope = scope;
    const run = (name, args, after) => source.run(scope, name, args, after);
    this.rate = new Rate(run);
    this.idempotency = new Idempotency(run);
    this.roles = source.isSync ? new SyncRoles(run) : new AsyncRoles(run);
    this.ledger = source.isSync ? new SyncLedger(run) : new AsyncLedger(run);
  }

  as(actor) {
    return new View(this.#source, { ...this.#scope, actor, isService: false });
  }

  get service() {
    return new View(this.#source, { ...this.#scope, actor: null, isService: true });
  }

  within(timeoutUs) {
    return new View(this.#source, bounded(this.#scope, timeoutUs));
  }

  get sync() {
    if (!this.#source.sessions) throw make(native.EINVAL, 'a transaction has one form');
    return new View(new SyncSource(this.#source.sessions), this.#scope);
  }

  execute(statement, parameters = []) {
    return this.#run('session_execute', [statement, parameters]);
  }

  migrate() {
    return this.#run('migrate', []);
  }

  health(timeoutUs = 0) {
    const begunMs = performance.now();
    return this.#run('health', [timeoutUs], (text) => JSON.parse(text),
      (error, backend) => down(error, backend, begunMs));
  }

  verify() {
    return this.#run('verify', [], (text) => JSON.parse(text));
  }

  maintain(budget) {
    return this.#run('maintain', [budget]);
  }

  signal(...topics) {
    return this.#run('signal', [topics.map(([owner, topic]) => ({ owner, topic, seen: 0n }))]);
  }

  nowUs() {
    return this.#run('session_now_us', []);
  }

  newId() {
    return this.#run('id_new', []);
  }

  #run(name, args, after, otherwise) {
    return this.#source.run(this.#scope, name, args, after, otherwise);
  }

  transaction(work, options = {}) {
    const { sessions } = this.#source;
    if (!sessions) throw make(native.EINVAL, 'transactions do not nest');
    const scope = transactionScope(this.#scope, options);
    return (this.#source.isSync ? transactSync : transact)(sessions, scope, work);
  }
}

/** One session with a transaction that every call joins. */
class Transaction extends View {
  #pinned;

  constructor(pinned, scope) {
    super(pinned, scope);
    this.#pinned = pinned;
  }

  freezeClock(nowUs) {
    const { session } = this.#pinned;
    session.prepare(session.scope, clock(nowUs));
  }

  interrupt() {
    native.session_interrupt(this.#pinned.session.handle);
  }
}

function transact(sessions, scope, work) {
  return sessions.use(scope, async (session) => {
    await native.beginAsync(session.handle);
    const pinned = new AsyncPinned(session);
    try {
      const result = await work(new Transaction(pinned, scope));
      await pinned.settle();
      pinned.end();
      await native.commitAsync(session.handle);
      return result;
    } catch (error) {
      await pinned.settle();
      pinned.end();
      await native.rollbackAsync(session.handle);
      throw error;
    }
  });
}

function transactSync(sessions, scope, work) {
  return sessions.useSync(scope, (session) => {
    native.begin(session.handle);
    const pinned = new SyncPinned(session);
    try {
      const result = work(new Transaction(pinned, scope));
      if (typeof result?.then === 'function') {
        throw new TypeError('the work of a synchronous transaction returned a promise');
      }
      native.commit(session.handle);
      return result;
    } catch (error) {
      native.rollback(session.handle);
      throw error;
    } finally {
      pinned.end();
    }
  });
}

const DEFAULT_SESSIONS = 8;

/** The options in the form of the addon, and those that the sessions go by. */
function read(uri, { actor = null, space, timeoutUs, tries, sessions, idleUs } = {}) {
  const count = sessions || DEFAULT_SESSIONS;
  const scheme = String(uri).split(':', 1)[0];
  return {
    native: { maxCount: count, idleUs, tryCount: tries, timeoutUs, actor, space },
    sessions: {
      backend: scheme === 'postgres' ? 'postgresql' : scheme,
      sessions: count,
      timeoutUs: BigInt(timeoutUs ?? 0) || DEFAULT_TIMEOUT_US,
    },
    scope: { ...NOBODY, actor },
  };
}

/** What both forms of an open store are. */
class OpenStore extends View {
  #source;

  constructor(source, scope) {
    super(source, scope);
    this.#source = source;
  }

  watch(...topics) {
    return this.#source.sessions.watch(topics);
  }

  freezeClock(nowUs) {
    this.#source.sessions.clockUs = clock(nowUs);
  }

  close() {
    return this.#source.close();
  }
}

/** An open store; every call answers with a promise. */
class Store extends OpenStore {
  static async open(uri, options) {
    try {
      const given = read(uri, options);
      const pool = native.pool_new();
      await native.pool_openAsync(pool, uri, given.native);
      return new Store(new AsyncSource(new Sessions(pool, given.sessions)), given.scope);
    } catch (error) {
      throw translate(error);
    }
  }
}

/** An open store whose calls run on the thread of the event loop: for local SQLite files. */
class SyncStore extends OpenStore {
  static open(uri, options) {
    try {
      const given = read(uri, options);
      const pool = native.pool_new();
      native.pool_open(pool, uri, given.native);
      return new SyncStore(new SyncSource(new Sessions(pool, given.sessions)), given.scope);
    } catch (error) {
      throw translate(error);
    }
  }
}

/** `using` and `await using`, where this Node has them. */
if (Symbol.asyncDispose) Store.prototype[Symbol.asyncDispose] = Store.prototype.close;
if (Symbol.dispose) SyncStore.prototype[Symbol.dispose] = SyncStore.prototype.close;

module.exports = { Store, SyncStore, View, Transaction, version };
