'use strict';
// farmcore: rate limits, idempotency keys, roles and a ledger on SQLite or Postgres.
const native = require('./native.cjs');
const enums = require('./enums.cjs');
const { Breaker, Breakers, BreakerOpenError, outcomeOf } = require('./breaker.cjs');
const { FarmError } = require('./errors.cjs');
const {
  AMOUNT_MAX, AccountResult, InvoiceResult, NominationResult, TransferResult,
} = require('./ledger.cjs');
const { Claim, Decision } = require('./modules.cjs');
const money = require('./money.cjs');
const redact = require('./redact.cjs');
const { RateLocal } = require('./rate_local.cjs');
const { Store, SyncStore, Transaction, View, version } = require('./store.cjs');
const { Watch } = require('./topics.cjs');

module.exports = {
  ...enums,
  AMOUNT_MAX,
  AccountResult,
  Breaker,
  BreakerOpenError,
  Breakers,
  Claim,
  Decision,
  FarmError,
  InvoiceResult,
  money,
  NominationResult,
  RateLocal,
  redact,
  Store,
  SyncStore,
  Transaction,
  TransferResult,
  View,
  Watch,
  roleAllows: (role, operation) => native.role_allows(role, operation) === 1,
  roleName: native.role_name,
  operationName: native.role_operation_name,
  accountStatusName: native.ledger_account_status_name,
  accountStatusText: native.ledger_account_status_text,
  invoiceStatusName: native.ledger_invoice_status_name,
  invoiceStatusText: native.ledger_invoice_status_text,
  transferStatusName: native.ledger_transfer_status_name,
  transferStatusText: native.ledger_transfer_status_text,
  nominationStatusName: native.ledger_nomination_status_name,
  nominationStatusText: native.ledger_nomination_status_text,
  breakerStateName: native.breaker_state_name,
  outcomeOf,
  version,
};
