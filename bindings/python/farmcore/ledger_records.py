"""The tuples of the ledger, in the order of the library's records, so that a batch of thousands
goes over as it is.
"""
from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from .ledger_enums import (AccountFlags, AccountStatus, NominationStatus, PayeeFlags,
                           PayoutOutcome, PayoutReason, QueryFlags, TransferConditions,
                           TransferFlags, TransferKind, TransferStatus)


class Book(NamedTuple):
    """A book: its number, its asset, and how many decimal places an amount of it has."""

    book: int
    asset: str
    scale: int


class Balances(NamedTuple):
    """The four balances of an account."""

    debits_pending_minor: int = 0
    debits_posted_minor: int = 0
    credits_pending_minor: int = 0
    credits_posted_minor: int = 0


class Account(NamedTuple):
    """An account: to open, or as it was found. To open, what comes after the user data is as it
    stands here, but for the time of one that is imported."""

    id: UUID
    book: int
    code: int
    flags: AccountFlags = AccountFlags(0)
    credit_limit_minor: int = 0
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    timestamp_ns: int = 0
    version: int = 0
    balances: Balances = Balances()


class Transfer(NamedTuple):
    """A transfer to post. One that posts or voids a hold needs no more than ``pending_id``, its
    flags and, to post, the amount; one that reverses another ``reversed_id`` and the amount."""

    id: UUID
    debit_account_id: UUID | None = None
    credit_account_id: UUID | None = None
    amount_minor: int = 0
    book: int = 0
    code: int = 0
    flags: TransferFlags = TransferFlags(0)
    pending_id: UUID | None = None
    reversed_id: UUID | None = None
    timeout_us: int = 0
    """Of a hold; 0: it does not end by itself."""
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    timestamp_ns: int = 0
    effective_us: int = 0
    conditions: TransferConditions = TransferConditions(0)
    debit_version: int = 0
    credit_version: int = 0
    debit_balance_minor: int = 0


class AccountResult(NamedTuple):
    """What became of an account to open."""

    status: AccountStatus
    timestamp_ns: int

    @property
    def is_done(self) -> bool:
        """The account is there as it was asked for, since now or before."""
        return self.status in (AccountStatus.CREATED, AccountStatus.EXISTS)


class TransferResult(NamedTuple):
    """What became of a transfer: what was moved, and what both accounts had after it, or, when it
    was refused, have."""

    status: TransferStatus
    timestamp_ns: int
    amount_minor: int
    debit: Balances
    credit: Balances

    @property
    def is_done(self) -> bool:
        """The transfer happened, now or before."""
        return self.status in (TransferStatus.CREATED, TransferStatus.EXISTS)


class LedgerEvent(NamedTuple):
    """A transfer as it is stored; ``resolution``: of a hold, by what kind of event it ended, and
    until then SINGLE; ``reversed_minor``: how much of it came back."""

    id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    amount_minor: int
    book: int
    code: int
    flags: TransferFlags
    pending_id: UUID | None
    reversed_id: UUID | None
    timeout_us: int
    user_data_128: UUID | None
    user_data_64: int
    user_data_32: int
    timestamp_ns: int
    effective_us: int
    kind: TransferKind
    resolution: TransferKind
    reversed_minor: int
    debit: Balances
    credit: Balances


class Query(NamedTuple):
    """Which transfers or accounts: all that is set has to hold. Times are the ledger's, both
    included."""

    flags: QueryFlags = QueryFlags(0)
    account_id: UUID | None = None
    """Transfers of this account; None: of the whole book."""
    book: int = 0
    code: int = 0
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    from_ns: int = 0
    to_ns: int = 0
    cursor_ns: int = 0
    """Where the page before this one ended."""


class Difference(NamedTuple):
    """An account whose balances are not those of its events: as they are kept, and as they have to
    be."""

    account_id: UUID
    book: int
    kept_version: int
    version: int
    kept: Balances
    balances: Balances
    kept_is_closed: bool
    is_closed: bool
    kept_credit_limit_minor: int
    credit_limit_minor: int


class Period(NamedTuple):
    """From one quarter of an hour to another; code 0: all, to 0: to the end."""

    account_id: UUID
    code: int = 0
    from_us: int = 0
    to_us: int = 0


class Total(NamedTuple):
    """What an account moved in a period."""

    code: int
    debits_minor: int
    credits_minor: int
    event_count: int


class TotalDifference(NamedTuple):
    """A total that is not that of its events: as it is kept, and as it has to be."""

    account_id: UUID
    quarter_us: int
    code: int
    kept_debits_minor: int
    kept_credits_minor: int
    kept_event_count: int
    debits_minor: int
    credits_minor: int
    event_count: int


class Owner(NamedTuple):
    """For whom a book, or an account, is kept; None: for nobody."""

    entity: str | None
    account_id: UUID | None = None
    book: int = 0


class Ownership(NamedTuple):
    """Of an account, for whom it and its book are kept; "": for nobody."""

    book: int
    entity: str
    book_entity: str


class PayoutRules(NamedTuple):
    """What holds for all payouts; maximum 0: however much it is, matured 0: none is too young."""

    minimum_minor: int = 0
    maximum_minor: int = 0
    reserve_minor: int = 0
    matured_us: int = 0
    book: int = 0
    fee_minor: int = 0
    program_id: UUID | None = None


class PayoutRun(NamedTuple):
    """A run of payouts; whatever has its id is the same run."""

    id: UUID
    code: int
    clearing_account_id: UUID
    fee_account_id: UUID | None = None
    timeout_us: int = 0


class Payee(NamedTuple):
    """Of whom it is asked whether he may be paid out."""

    account_id: UUID
    flags: PayeeFlags = PayeeFlags(0)


class PayeeOutcome(NamedTuple):
    """What the bank has said of a payee."""

    account_id: UUID
    outcome: PayoutOutcome


class Payout(NamedTuple):
    """What a payee may get, or why nothing; of a run also the hold, and how it ended."""

    reason: PayoutReason
    amount_minor: int
    available_minor: int
    immature_minor: int
    fee_minor: int = 0
    transfer_id: UUID | None = None
    timestamp_ns: int = 0
    resolution: TransferKind = TransferKind.SINGLE


class Group(NamedTuple):
    """A group of accounts, which may stand below another one of its book."""

    id: UUID
    book: int
    parent_id: UUID | None = None


class Member(NamedTuple):
    """That an account is in a group."""

    group_id: UUID
    account_id: UUID


class GroupTotal(NamedTuple):
    """What the accounts in a group and below it have together, each once."""

    book: int
    account_count: int
    balances: Balances


class Seal(NamedTuple):
    """Events that were put in sequence together; number 0: none."""

    book: int
    number: int
    first_sequence: int
    event_count: int
    sealed_us: int
    previous_hash: bytes
    hash: bytes


class Program(NamedTuple):
    """An incentive program to open; until 0: without an end, nominations 0: however many."""

    id: UUID
    book: int
    name: str
    from_us: int = 0
    until_us: int = 0
    nominations_max: int = 0
    user_data_128: UUID | None = None


class FoundProgram(NamedTuple):
    """A program as it is now; ``opened_until_us`` is the end that it was opened with."""

    id: UUID
    book: int
    name: str
    from_us: int
    until_us: int
    opened_until_us: int
    nominations_max: int
    nomination_count: int
    user_data_128: UUID | None


class Nomination(NamedTuple):
    """Who or what is nominated, by whom, and for whose account; until 0: as long as the program.
    With its number, from 1 on, a late repeat makes no other."""

    program_id: UUID
    subject: str
    nominated_by: str
    account_id: UUID | None = None
    until_us: int = 0
    number: int = 0
    user_data_128: UUID | None = None


class Withdrawal(NamedTuple):
    """A nomination to end; number 0: the latest."""

    program_id: UUID
    subject: str
    withdrawn_by: str
    number: int = 0


class NominationResult(NamedTuple):
    """What became of a nomination, or of its withdrawal."""

    status: NominationStatus
    number: int

    @property
    def is_done(self) -> bool:
        """It is as it was asked for, since now or before."""
        return self.status in (NominationStatus.CREATED, NominationStatus.EXISTS)


class FoundNomination(NamedTuple):
    """A nomination as it is now; withdrawn by "": nobody, until 0: without an end."""

    program_id: UUID
    book: int
    subject: str
    number: int
    account_id: UUID | None
    nominated_by: str
    from_us: int
    until_us: int
    withdrawn_by: str
    user_data_128: UUID | None


class Nominated(NamedTuple):
    """Whether an account is nominated, and until when; 0: without an end."""

    is_nominated: bool
    until_us: int
