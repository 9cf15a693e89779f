'use strict';
// The numbers of the library by their names, read from the addon.
const native = require('./native.cjs');

/** An object of the addon's constants that begin with the prefix. */
function constants(prefix, names) {
  return Object.freeze(Object.fromEntries(names.map((name) => [name, native[prefix + name]])));
}

/** The rest of the names that begin with the prefix. */
function others(prefix, names = []) {
  return Object.keys(native).filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length)).filter((name) => !names.includes(name));
}

const ACCOUNT_FLAGS = ['LINKED', 'DEBITS_MUST_NOT_EXCEED_CREDITS',
  'CREDITS_MUST_NOT_EXCEED_DEBITS', 'HISTORY', 'IMPORTED', 'CLOSED'];

module.exports = {
  Status: constants('', ['OK', 'ENOMEM', 'EINVAL', 'ENOTFOUND', 'EEXISTS', 'ECONFLICT', 'EREFUSED',
    'EAGAIN', 'ETIMEOUT', 'EUNAVAILABLE', 'EUNCERTAIN', 'EDENIED', 'EREADONLY', 'EFULL',
    'ECORRUPT', 'EUNSUPPORTED', 'EINTERNAL']),
  RateScope: constants('RATE_SCOPE_', ['KEY', 'USER', 'ADDRESS', 'GLOBAL']),
  RateReason: constants('RATE_REASON_', ['UNKNOWN_LIMIT', 'BAD_SUBJECT', 'OUT_OF_RANGE', 'TWICE',
    'NOT_REFUNDABLE', 'OWN_TRANSACTION', 'NOT_HELD', 'BAD_ZONE']),
  RateAlgorithm: constants('RATE_ALGORITHM_', ['BUCKET', 'WINDOW', 'SLIDING', 'CONCURRENCY']),
  RateCalendar: constants('RATE_CALENDAR_', ['NONE', 'HOUR', 'DAY', 'WEEK', 'MONTH', 'YEAR']),
  RateChange: constants('RATE_CHANGE_', ['DEFAULT', 'RESET', 'KEEP', 'PROPORTIONAL']),
  RateOnError: constants('RATE_ON_ERROR_', ['CLOSED', 'OPEN', 'LOCAL']),
  RateRule: constants('RATE_RULE_', ['LIMIT', 'OVERRIDE', 'EXEMPT', 'BAN']),
  RateSource: constants('RATE_SOURCE_', ['STORE', 'DENIAL', 'LEASE', 'LOCAL', 'OPEN']),
  Outcome: constants('IDEMPOTENCY_', ['EXECUTE', 'REPLAY', 'IN_PROGRESS', 'MISMATCH']),
  IdempotencyReason: constants('IDEMPOTENCY_REASON_', ['LOST', 'NOT_CLAIMED', 'STEP_BACK',
    'TOO_LARGE']),
  Role: constants('ROLE_', ['OWNER', 'MANAGER', 'MEMBER', 'VIEWER', 'SERVICE']),
  Operation: constants('ROLE_', ['READ', 'WRITE', 'MANAGE', 'EXPORT', 'PAY', 'REFUND', 'CLOSE',
    'GRANT']),
  RoleReason: constants('ROLE_REASON_', ['NO_ROLE', 'NOT_ALLOWED', 'LAST_OWNER', 'OWNER_EXPIRES',
    'UNKNOWN_ENTITY']),
  BreakerState: constants('BREAKER_', ['CLOSED', 'OPEN', 'HALF_OPEN', 'FORCED_OPEN',
    'FORCED_CLOSED']),
  CallOutcome: constants('BREAKER_', ['SUCCESS', 'FAILURE', 'EXCLUDED']),
  BreakerCause: constants('BREAKER_CAUSE_', ['CONSECUTIVE', 'FAILURES', 'SLOW', 'TIME',
    'PROBE_FAILED', 'PROBED', 'MANUAL']),
  AccountFlags: constants('LEDGER_ACCOUNT_', ACCOUNT_FLAGS),
  AccountStatus: constants('LEDGER_ACCOUNT_', others('LEDGER_ACCOUNT_', ACCOUNT_FLAGS)),
  TransferFlags: constants('LEDGER_', ['LINKED', 'PENDING', 'POST_PENDING_TRANSFER',
    'VOID_PENDING_TRANSFER', 'BALANCING_DEBIT', 'BALANCING_CREDIT', 'CLOSING_DEBIT',
    'CLOSING_CREDIT', 'IMPORTED']),
  TransferConditions: constants('LEDGER_IF_', ['DEBIT_VERSION', 'CREDIT_VERSION',
    'DEBIT_BALANCE']),
  TransferStatus: constants('LEDGER_TRANSFER_', others('LEDGER_TRANSFER_')),
  TransferKind: constants('LEDGER_KIND_', ['SINGLE', 'PENDING', 'POSTED', 'VOIDED', 'EXPIRED',
    'REVERSAL']),
  InvoiceStatus: constants('LEDGER_INVOICE_', others('LEDGER_INVOICE_')),
  QueryFlags: constants('LEDGER_QUERY_', ['DEBITS', 'CREDITS', 'REVERSED', 'HOLDS']),
  ExportFormat: constants('LEDGER_FORMAT_', ['CSV', 'CSV_RAW', 'HLEDGER', 'BEANCOUNT']),
  LedgerReason: constants('LEDGER_REASON_', ['BOOK_DIFFERS', 'REFUSED', 'BALANCE', 'UNLIMITED',
    'LIMIT_DIFFERS', 'LIMIT_USED', 'RUN_DIFFERS',
    'GROUP_DIFFERS', 'BOOK_UNKNOWN', 'GROUP_UNKNOWN', 'ACCOUNT_UNKNOWN', 'OTHER_BOOK',
    'GROUP_TOO_DEEP', 'SUM_OVERFLOWS', 'PROGRAM_DIFFERS', 'PROGRAM_ENDS_EARLIER']),
  PayeeFlags: constants('LEDGER_PAYEE_', ['BLOCKED', 'UNVERIFIED']),
  PayoutOutcome: constants('LEDGER_OUTCOME_', ['PAID', 'FAILED']),
  PayoutReason: constants('LEDGER_PAYOUT_', ['ELIGIBLE', 'NOT_FOUND', 'CLOSED', 'BLOCKED',
    'UNVERIFIED', 'NOTHING', 'BELOW_MINIMUM', 'IMMATURE', 'NOT_NOMINATED']),
  NominationStatus: constants('LEDGER_NOMINATION_', others('LEDGER_NOMINATION_')),
  RedactRules: constants('REDACT_', ['EMAIL', 'IPV4', 'IPV6', 'CARD', 'IBAN', 'SSN', 'PEM',
    'URL_AUTH', 'USER_PATH', 'TOKEN', 'PASSWORD', 'MAC', 'UUID', 'IMEI']),
  RedactAction: constants('REDACT_ACTION_', ['REPLACE', 'MASK', 'HASH', 'REMOVE']),
};
