// The same for import: what is exported by name is named here.
import farmcore from './index.cjs';

export const {
  Claim, Decision, FarmError, IdempotencyReason, Operation, Outcome, RateAlgorithm, RateCalendar,
  RateChange, RateOnError, RateReason, RateRule, RateScope, RateSource, Role, RoleReason, Status,
  Store, SyncStore, Transaction, View, Watch, operationName, roleAllows, roleName, version,
  Breaker, BreakerCause, BreakerOpenError, BreakerState, Breakers, CallOutcome, breakerStateName,
  outcomeOf, RateLocal, AMOUNT_MAX, AccountFlags, AccountResult, AccountStatus, LedgerReason,
  QueryFlags, TransferConditions, TransferFlags, TransferKind, TransferResult, TransferStatus,
  money, redact, RedactAction, RedactRules,
  accountStatusName, accountStatusText, transferStatusName, transferStatusText,
  ExportFormat, InvoiceResult, InvoiceStatus, PayeeFlags, PayoutOutcome, PayoutReason,
  invoiceStatusName, invoiceStatusText,
  NominationResult, NominationStatus, nominationStatusName, nominationStatusText,
} = farmcore;
export default farmcore;
