'use strict';
// Circuit breakers. Nothing here waits, so there is one form of each call, without a promise.
const native = require('./native.cjs');
const { FarmError, call } = require('./errors.cjs');

/** The call was denied and not made: the breaker is open. */
class BreakerOpenError extends Error {
  constructor(key, permit) {
    super(`the breaker '${key}' is ${native.breaker_state_name(permit.state)}`);
    this.code = 'FARM_BREAKER_OPEN';
    this.key = key;
    this.permit = permit;
  }

  /** Milliseconds until it is worth while to ask again, rounded up; Infinity: not by itself. */
  get retryAfterMs() {
    const us = this.permit.retryAfterUs;
    return us < 0n ? Infinity : Math.ceil(Number(us) / 1000);
  }
}
Object.defineProperty(BreakerOpenError.prototype, 'name', { value: 'BreakerOpenError' });

/** What an error says of the other side: of ours what its status says; an abort nothing. */
function outcomeOf(error) {
  if (error instanceof FarmError) return native.breaker_outcome(error.status);
  return error?.name === 'AbortError' ? native.BREAKER_EXCLUDED : native.BREAKER_FAILURE;
}

/** One name's breaker. */
class Breaker {
  #handle;
  #outcomeOf;

  constructor(handle, key, outcome) {
    this.#handle = handle;
    this.#outcomeOf = outcome;
    this.key = key;
  }

  allow() {
    return call('breaker_allow', this.#handle, this.key);
  }

  report(permit, outcome, durationUs = -1n) {
    call('breaker_report', this.#handle, permit, outcome, durationUs);
  }

  call(work) {
    const permit = this.allow();
    if (!permit.allowed) throw new BreakerOpenError(this.key, permit);
    let result;
    try {
      result = work(permit);
    } catch (error) {
      throw this.#failed(permit, error);
    }
    if (typeof result?.then !== 'function') return this.#succeeded(permit, result);
    return result.then((value) => this.#succeeded(permit, value),
      (error) => { throw this.#failed(permit, error); });
  }

  #succeeded(permit, result) {
    this.report(permit, native.BREAKER_SUCCESS);
    return result;
  }

  /** Whatever the host's function answers or throws, the permit is reported. */
  #failed(permit, error) {
    let outcome = native.BREAKER_EXCLUDED;
    try {
      outcome = this.#outcomeOf(error);
      return error;
    } finally {
      this.report(permit, outcome);
    }
  }

  look() {
    return call('breaker_look', this.#handle, this.key);
  }

  set(state) {
    call('breaker_set', this.#handle, this.key, state);
  }
}

/** A set of named breakers, bounded in number. */
class Breakers {
  #handle;
  #maxCount;

  constructor({ maxCount = 256, ...options } = {}) {
    this.#maxCount = maxCount;
    this.#handle = call('breakers_new', { ...options, maxCount });
  }

  get(key, { outcome = outcomeOf, ...options } = {}) {
    if (Object.keys(options).length > 0) call('breaker_define', this.#handle, key, options);
    return new Breaker(this.#handle, key, outcome);
  }

  list() {
    return call('breaker_list', this.#handle, this.#maxCount);
  }

  events(after = 0n, { capacity = 256 } = {}) {
    return call('breaker_events', this.#handle, after, capacity);
  }

  freezeClock(nowUs) {
    call('breakers_set_clock_us', this.#handle, nowUs ?? -1n);
  }

  close() {
    native.close(this.#handle);
  }
}
if (Symbol.dispose) Breakers.prototype[Symbol.dispose] = Breakers.prototype.close;

module.exports = { Breaker, Breakers, BreakerOpenError, outcomeOf };
