'use strict';
// Where a call gets a session. Sessions that were used lately are kept here, so that an operation
// costs one hop to a thread and not two more for the pool; who finds none waits here, so that
// nobody waits on a thread. What rests goes back to the pool, which checks what rests long.
const native = require('./native.cjs');
const { translate, make } = require('./errors.cjs');
const { Watch } = require('./topics.cjs');

const REST_MS = 1000;

/** A session, and what was last set on it. */
class Session {
  constructor(handle) {
    this.handle = handle;
    this.scope = null;
    this.clockUs = -1n;
    this.restsSince = 0;
  }

  prepare(scope, clockUs) {
    if (clockUs !== this.clockUs) {
      native.session_set_clock_us(this.handle, clockUs);
      this.clockUs = clockUs;
    }
    if (scope === this.scope) return;
    this.scope = null;
    if (scope.isService) native.session_set_service(this.handle);
    else native.session_set_actor(this.handle, scope.actor);
    native.session_set_timeout_us(this.handle, scope.timeoutUs);
    this.scope = scope;
  }

  /** A function of the addon, and what `after` makes of its result. */
  async call(name, args, after) {
    const result = await native[`${name}Async`](this.handle, ...args);
    return after ? after(result, this.handle) : result;
  }

  callSync(name, args, after) {
    const result = native[name](this.handle, ...args);
    return after ? after(result, this.handle) : result;
  }
}

/** The sessions of one store, for the event loop that it belongs to. */
class Sessions {
  #pool;
  #max;
  #waitUs;
  #count = 0;
  #idle = [];
  #waiters = new Set();
  #timer = null;
  #closing = null;
  clockUs = -1n;

  constructor(pool, { backend, sessions, timeoutUs }) {
    this.#pool = pool;
    this.backend = backend;
    this.#max = sessions;
    this.#waitUs = timeoutUs;
  }

  watch(topics) {
    return new Watch(this.#pool, topics);
  }

  /** A session at once, without waiting; undefined when there is none. */
  take() {
    return this.#idle.pop();
  }

  /** A session at once, opened on this thread if need be; throws when all are in use. */
  takeSync() {
    const idle = this.take();
    if (idle) return idle;
    const session = new Session(native.pool_acquire(this.#pool, 0));
    this.#count++;
    return session;
  }

  /** What the work makes of a session that is ready for the scope, or else, where the caller has an
   * answer to a failure, what `otherwise` makes of that. */
  async use(scope, work, otherwise) {
    let session;
    try {
      session = this.take() ?? await this.#wait(scope);
      session.prepare(scope, this.clockUs);
      return await work(session);
    } catch (error) {
      return this.#fail(translate(error), otherwise);
    } finally {
      if (session) this.give(session);
    }
  }

  useSync(scope, work, otherwise) {
    let session;
    try {
      session = this.takeSync();
      session.prepare(scope, this.clockUs);
      return work(session);
    } catch (error) {
      return this.#fail(translate(error), otherwise);
    } finally {
      if (session) this.give(session);
    }
  }

  #fail(error, otherwise) {
    if (otherwise) return otherwise(error, this.backend);
    throw error;
  }

  async #wait(scope) {
    if (this.#closing || this.#count < this.#max) {
      this.#count++;
      try {
        return new Session(await native.pool_acquireAsync(this.#pool, this.#limitUs(scope)));
      } catch (error) {
        this.#vacate();
        throw error;
      }
    }
    return this.#queue(scope);
  }

  #limitUs(scope) {
    return scope.timeoutUs === 0n ? this.#waitUs : scope.timeoutUs;
  }

  #queue(scope) {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, timer: undefined };
      const waitMs = Number(this.#limitUs(scope)) / 1000;
      this.#waiters.add(waiter);
      if (waitMs < 0) return;
      waiter.timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(make(native.EAGAIN,
          `all ${this.#max} sessions of the store were in use for ${waitMs} ms`));
      }, Math.min(waitMs, 2 ** 31 - 1));
    });
  }

  #next() {
    const [waiter] = this.#waiters;
    if (!waiter) return undefined;
    this.#waiters.delete(waiter);
    clearTimeout(waiter.timer);
    return waiter;
  }

  give(session) {
    if (this.#closing) {
      this.#end(session);
      return;
    }
    const waiter = this.#next();
    if (waiter) {
      waiter.resolve(session);
      return;
    }
    session.restsSince = performance.now();
    this.#idle.push(session);
    this.#timer ??= setTimeout(() => this.sweep(), REST_MS).unref();
  }

  /** A place became free without a session in it: the next in line may open one. */
  #vacate() {
    this.#count--;
    const waiter = this.#next();
    if (waiter) this.#wait({ timeoutUs: 0n }).then(waiter.resolve, waiter.reject);
  }

  #end(session) {
    native.close(session.handle);
    this.#count--;
  }

  /** Give what rests back to the pool. */
  sweep(now = performance.now()) {
    this.#timer = null;
    const rested = this.#idle.filter((session) => now - session.restsSince >= REST_MS);
    this.#idle = this.#idle.filter((session) => now - session.restsSince < REST_MS);
    for (const session of rested) this.#end(session);
    if (this.#idle.length > 0) this.#timer = setTimeout(() => this.sweep(), REST_MS).unref();
  }

  #shut() {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const session of this.#idle.splice(0)) this.#end(session);
    for (let waiter = this.#next(); waiter; waiter = this.#next()) {
      waiter.reject(make(native.EINVAL, 'the store is closed'));
    }
  }

  close() {
    if (!this.#closing) {
      this.#closing = native.closeAsync(this.#pool);
      this.#shut();
    }
    return this.#closing;
  }

  closeSync() {
    if (!this.#closing) {
      this.#closing = Promise.resolve();
      this.#shut();
    }
    native.close(this.#pool);
  }
}

/** Calls that answer with promises. */
class AsyncSource {
  isSync = false;

  constructor(sessions) {
    this.sessions = sessions;
  }

  run(scope, name, args, after, otherwise) {
    const act = (session) => session.call(name, args, after);
    return this.sessions.use(scope, act, otherwise);
  }

  close() {
    return this.sessions.close();
  }
}

/** Calls on the thread of the event loop. */
class SyncSource {
  isSync = true;

  constructor(sessions) {
    this.sessions = sessions;
  }

  run(scope, name, args, after, otherwise) {
    const act = (session) => session.callSync(name, args, after);
    return this.sessions.useSync(scope, act, otherwise);
  }

  close() {
    this.sessions.closeSync();
  }
}

/** The one session of a transaction. */
class Pinned {
  sessions = null;
  #session;
  #isOver = false;

  constructor(session) {
    this.#session = session;
  }

  /** The session, until the transaction ends: then it is somebody else's. */
  get session() {
    if (this.#isOver) throw make(native.EINVAL, 'the transaction is over');
    return this.#session;
  }

  end() {
    this.#isOver = true;
  }
}

/** Calls of a transaction, one after another in the order of their coming. */
class AsyncPinned extends Pinned {
  isSync = false;
  #last = Promise.resolve();

  run(scope, ...call) {
    const turn = this.#last.then(() => this.#call(scope, call));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #call(scope, call) {
    try {
      const { session } = this;
      session.prepare(scope, session.clockUs);
      return await session.call(...call);
    } catch (error) {
      throw translate(error);
    }
  }

  settle() {
    return this.#last;
  }
}

class SyncPinned extends Pinned {
  isSync = true;

  run(scope, ...call) {
    try {
      const { session } = this;
      session.prepare(scope, session.clockUs);
      return session.callSync(...call);
    } catch (error) {
      throw translate(error);
    }
  }
}

module.exports = { Sessions, AsyncSource, SyncSource, AsyncPinned, SyncPinned };
