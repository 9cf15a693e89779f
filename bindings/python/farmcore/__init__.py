"""farmcore: rate limits, idempotency keys, roles and a ledger on SQLite or Postgres.

>>> import farmcore as fc
>>> with fc.Store("sqlite::memory:") as store:
...     store.migrate()
...     store.service.rate.define([fc.Limit("user", count=120, period=60)])
...     verdict = store.rate.take(("user", "u42"))
>>> bool(verdict), verdict.states[0].remaining
(True, 119)
"""
from . import aio, money, redact
from .breaker import (Breaker, BreakerCause, BreakerEvent, BreakerOpenError, BreakerOptions,
                      Breakers, BreakerState, BreakerView, CallOutcome, Permit, outcome_of)
from .errors import (BusyError, ConflictError, CorruptError, DeniedError, ExistsError, FarmError,
                     FullError, InternalError, InvalidError, NotFoundError, OutOfMemoryError,
                     ReadOnlyError, RefusedError, Status, TimedOutError, UnavailableError,
                     UncertainError, UnsupportedError)
from .idempotency import Claim, IdempotencyReason, Outcome
from .ledger import AMOUNT_MAX
from .ledger_enums import (AccountFlags, AccountStatus, ExportFormat, InvoiceStatus, LedgerReason,
                           NominationStatus, PayeeFlags, PayoutOutcome, PayoutReason, QueryFlags,
                           TransferConditions, TransferFlags, TransferKind, TransferStatus)
from .ledger_invoice import Invoice, InvoiceLine, InvoiceLineRow, InvoiceResult, InvoiceRow
from .ledger_records import (Account, AccountResult, Balances, Book, Difference, FoundNomination,
                             FoundProgram, Group, GroupTotal, LedgerEvent, Member, Nominated,
                             Nomination, NominationResult, Owner, Ownership, Payee, PayeeOutcome,
                             Payout, PayoutRules, PayoutRun, Period, Program, Query, Seal, Total,
                             TotalDifference, Transfer, TransferResult, Withdrawal)
from .rate import (Decision, Limit, Override, RateAlgorithm, RateCalendar, RateChange, RateOnError,
                   RateReason, RateRule, RateScope, RateSource, RateState)
from .rate_local import RateLocal
from .redact import RedactAction, RedactRules
from .roles import Grant, Operation, Role, RoleReason
from .store import VERSION as __version__
from .store import Maintenance, Store, Transaction, View
from .topics import Topic, Watch

__all__ = [
    "AMOUNT_MAX", "Account", "AccountFlags", "AccountResult", "AccountStatus", "Balances", "Book",
    "Breaker", "BreakerCause", "BreakerEvent", "BreakerOpenError", "BreakerOptions",
    "BreakerState", "BreakerView", "Breakers", "BusyError", "CallOutcome", "Claim",
    "ConflictError", "CorruptError", "Decision", "DeniedError", "Difference", "ExistsError",
    "ExportFormat", "FarmError", "FoundNomination", "FoundProgram", "FullError", "Grant", "Group",
    "GroupTotal", "IdempotencyReason", "InternalError", "InvalidError", "Invoice", "InvoiceLine",
    "InvoiceLineRow", "InvoiceResult", "InvoiceRow", "InvoiceStatus", "LedgerEvent",
    "LedgerReason", "Limit", "Maintenance", "Member", "Nominated", "Nomination",
    "NominationResult", "NominationStatus", "NotFoundError", "Operation", "OutOfMemoryError",
    "Outcome", "Override", "Owner", "Ownership", "Payee", "PayeeFlags", "PayeeOutcome", "Payout",
    "PayoutOutcome", "PayoutReason", "PayoutRules", "PayoutRun", "Period", "Permit", "Program",
    "Query", "QueryFlags", "RateAlgorithm", "RateCalendar", "RateChange", "RateLocal",
    "RateOnError", "RateReason", "RateRule", "RateScope", "RateSource", "RateState",
    "ReadOnlyError", "RedactAction", "RedactRules", "RefusedError", "Role", "RoleReason", "Seal",
    "Status", "Store", "TimedOutError", "Topic", "Total", "TotalDifference", "Transaction",
    "Transfer", "TransferConditions", "TransferFlags", "TransferKind", "TransferResult",
    "TransferStatus", "UnavailableError", "UncertainError", "UnsupportedError", "View", "Watch",
    "Withdrawal", "__version__", "aio", "money", "outcome_of", "redact",
]
