'use strict';
// Rate limits in the process. A take never waits, so there is one form of each call, without a
// promise.
const native = require('./native.cjs');
const { call } = require('./errors.cjs');
const { Decision, givenBack, withCost } = require('./modules.cjs');

/** Limits counted in memory, with the rules and answers of a store's. */
class RateLocal {
  #handle;

  constructor(limits = [], { buckets = 0 } = {}) {
    this.#handle = call('rate_local_new', { bucketCount: buckets });
    if (limits.length > 0) this.define(limits);
  }

  define(limits) {
    call('rate_local_define', this.#handle, limits);
  }

  remove(name) {
    call('rate_local_remove', this.#handle, name);
  }

  override(overrides) {
    call('rate_local_override_put', this.#handle, overrides);
  }

  removeOverride(limit, subject) {
    call('rate_local_override_remove', this.#handle, [{ limit, subject }]);
  }

  load(view) {
    return view.rate.loadInto(this.#handle);
  }

  take(requests) {
    return this.#decide('rate_local_take', withCost(requests));
  }

  peek(requests) {
    return this.#decide('rate_local_peek', withCost(requests));
  }

  allows(requests) {
    return call('rate_local_take', this.#handle, withCost(requests)).decision.allowed;
  }

  #decide(name, requests) {
    return new Decision(requests, call(name, this.#handle, requests), 'rate_local_');
  }

  refund(decision, requests) {
    call('rate_local_refund', this.#handle, ...givenBack(decision, requests));
  }

  release(decision, requests) {
    call('rate_local_release', this.#handle, ...givenBack(decision, requests));
  }

  renew(decision, requests) {
    call('rate_local_renew', this.#handle, ...givenBack(decision, requests));
  }

  reset(requests) {
    call('rate_local_reset', this.#handle, requests);
  }

  freezeClock(nowUs) {
    call('rate_local_set_clock_us', this.#handle, nowUs ?? -1n);
  }

  close() {
    native.close(this.#handle);
  }
}
if (Symbol.dispose) RateLocal.prototype[Symbol.dispose] = RateLocal.prototype.close;

module.exports = { RateLocal };
