'use strict';
// farmcore: rate limits, idempotency keys and roles on SQLite or Postgres.
const native = require('./native.cjs');
const enums = require('./enums.cjs');
const { Breaker, Breakers, BreakerOpenError, outcomeOf } = require('./breaker.cjs');
const { FarmError } = require('./errors.cjs');
const { Claim, Decision } = require('./modules.cjs');
const { RateLocal } = require('./rate_local.cjs');
const { Store, SyncStore, Transaction, View, version } = require('./store.cjs');
const { Watch } = require('./topics.cjs');

module.exports = {
  ...enums,
  Breaker,
  BreakerOpenError,
  Breakers,
  Claim,
  Decision,
  FarmError,
  RateLocal,
  Store,
  SyncStore,
  Transaction,
  View,
  Watch,
  roleAllows: (role, operation) => native.role_allows(role, operation) === 1,
  roleName: native.role_name,
  operationName: native.role_operation_name,
  breakerStateName: native.breaker_state_name,
  outcomeOf,
  version,
};
