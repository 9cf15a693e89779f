'use strict';
// The modules of a view. `run(name, args, after)` calls a function of the addon with a session that
// is ready, and answers what `after` makes of its result: a value, or a promise of it.
const native = require('./native.cjs');

const NO_ID = '00000000-0000-0000-0000-000000000000';
const NO_DATA = new Uint8Array(0);
const PAGE = 200;

/** Header lines as an object. */
function fields(text) {
  return Object.fromEntries(text.trimEnd().split('\r\n').map((line) => line.split(/: (.*)/, 2)));
}

/** What rate limits decided over all requests of a call. */
class Decision {
  /** What the addon answered; its functions of the prefix say it over HTTP. */
  constructor(requests, { states, decision }, prefix, ...given) {
    const say = (name) => native[prefix + name](...given, { requests, states }, decision);
    Object.assign(this, decision, { states, requests });
    this.headers = fields(say('headers'));
    this.legacyHeaders = fields(say('legacy_headers'));
    this.problem = decision.allowed ? null : JSON.parse(say('problem'));
  }

  /** Milliseconds until all could be had, rounded up: 0 when allowed, Infinity for never. */
  get retryAfterMs() {
    return this.retryAfterUs < 0n ? Infinity : Math.ceil(Number(this.retryAfterUs) / 1000);
  }
}

/** Requests as the addon reads them: what costs nothing particular costs one token. */
function withCost(requests) {
  const one = (request) => (typeof request === 'object' && request !== null
    && request.cost === undefined ? { ...request, cost: 1 } : request);
  return Array.isArray(requests) ? requests.map(one) : requests;
}

/** A decision's token, and of what it is: the requests, or all of the decision's that cost
 * anything. What cost nothing has nothing to give back. */
function givenBack(decision, requests) {
  if (!(decision instanceof Decision)) return [decision, withCost(requests)];
  const whole = () => decision.requests.filter(({ cost }) => Number(cost) !== 0)
    .map((request) => ({ ...request, flags: 0 }));
  return [decision.token ?? NO_ID, withCost(requests ?? whole())];
}

class Rate {
  #run;

  constructor(run) {
    this.#run = run;
  }

  define(limits) {
    return this.#run('rate_define', [limits]);
  }

  remove(name) {
    return this.#run('rate_remove', [name]);
  }

  setShadow(isShadow) {
    return this.#run('rate_set_shadow', [isShadow ? 1 : 0]);
  }

  override(overrides) {
    return this.#run('rate_override_put', [overrides]);
  }

  removeOverride(limit, subject) {
    return this.#run('rate_override_remove', [[{ limit, subject }]]);
  }

  take(requests) {
    return this.#decide('rate_take', withCost(requests));
  }

  peek(requests) {
    return this.#decide('rate_peek', withCost(requests));
  }

  #decide(name, requests) {
    return this.#run(name, [requests],
      (answer, session) => new Decision(requests, answer, 'rate_', session));
  }

  refund(decision, requests) {
    return this.#run('rate_refund', givenBack(decision, requests));
  }

  release(decision, requests) {
    return this.#run('rate_release', givenBack(decision, requests));
  }

  renew(decision, requests) {
    return this.#run('rate_renew', givenBack(decision, requests));
  }

  reset(requests) {
    return this.#run('rate_reset', [requests]);
  }

  settle() {
    return this.#run('rate_settle', []);
  }

  /** For RateLocal. */
  loadInto(handle) {
    return this.#run('rate_local_load', [handle]);
  }
}

/** What begin() found, and the claim when the outcome is EXECUTE. */
class Claim {
  #run;
  #handle;

  constructor(run, handle) {
    this.#run = run;
    this.#handle = handle;
    this.outcome = native.idempotency_outcome(handle);
    this.step = native.idempotency_step(handle);
    this.code = native.idempotency_code(handle);
    this.data = native.idempotency_data(handle);
    this.retryAfterUs = native.idempotency_retry_after_us(handle);
  }

  advance(step, data = NO_DATA) {
    return this.#run('idempotency_advance', [this.#handle, step, data], () => {
      this.step = native.idempotency_step(this.#handle);
    });
  }

  finish(code, data = NO_DATA) {
    return this.#run('idempotency_finish', [this.#handle, code, data]);
  }

  release() {
    return this.#run('idempotency_release', [this.#handle]);
  }
}

class Idempotency {
  #run;

  constructor(run) {
    this.#run = run;
  }

  begin(owner, key, operation, data = NO_DATA, options = {}) {
    return this.#run('idempotency_begin', [owner, key, operation, data, options],
      (handle) => new Claim(this.#run, handle));
  }
}

class Roles {
  #run;

  constructor(run) {
    this.#run = run;
  }

  found(entity, owner) {
    return this.#run('role_found', [entity, owner]);
  }

  grant(entity, subject, role, expiresUs = 0n) {
    return this.#run('role_grant', [entity, subject, role, expiresUs]);
  }

  revoke(entity, subject, role) {
    return this.#run('role_revoke', [entity, subject, role]);
  }

  check(entity, operation) {
    return this.#run('role_check', [entity, operation]);
  }

  checkMany(questions) {
    return this.#run('role_check_many', [questions],
      (statuses) => statuses.map((status) => status === native.OK));
  }

  page(entity, { after = null, capacity = PAGE } = {}) {
    return this.#run('role_list', [entity, after?.subject, after?.role ?? 0, capacity]);
  }
}

/** list() of a Store. */
class AsyncRoles extends Roles {
  async *list(entity, { capacity = PAGE } = {}) {
    let rows = [];
    do {
      rows = await this.page(entity, { after: rows.at(-1), capacity });
      yield* rows;
    } while (rows.length === capacity);
  }
}

/** list() of a SyncStore. */
class SyncRoles extends Roles {
  *list(entity, { capacity = PAGE } = {}) {
    let rows = [];
    do {
      rows = this.page(entity, { after: rows.at(-1), capacity });
      yield* rows;
    } while (rows.length === capacity);
  }
}

module.exports = {
  Rate, Idempotency, AsyncRoles, SyncRoles, Decision, Claim, givenBack, withCost,
};
