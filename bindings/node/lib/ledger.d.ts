// The ledger's part of index.d.ts.
import type { Answer, Int64, Numbers, Rows, Us } from './index.js';
import type { Programs } from './ledger_programs.js';

export * from './ledger_programs.js';

export const AccountFlags: Numbers<'LINKED' | 'DEBITS_MUST_NOT_EXCEED_CREDITS'
  | 'CREDITS_MUST_NOT_EXCEED_DEBITS' | 'HISTORY' | 'IMPORTED' | 'CLOSED'>;
export const AccountStatus: Numbers<'CREATED' | 'LINKED_EVENT_FAILED' | 'LINKED_EVENT_CHAIN_OPEN'
  | 'TIMESTAMP_MUST_BE_ZERO' | 'RESERVED_FIELD' | 'RESERVED_FLAG' | 'ID_MUST_NOT_BE_ZERO'
  | 'ID_MUST_NOT_BE_INT_MAX' | 'FLAGS_ARE_MUTUALLY_EXCLUSIVE' | 'DEBITS_PENDING_MUST_BE_ZERO'
  | 'DEBITS_POSTED_MUST_BE_ZERO' | 'CREDITS_PENDING_MUST_BE_ZERO' | 'CREDITS_POSTED_MUST_BE_ZERO'
  | 'LEDGER_MUST_NOT_BE_ZERO' | 'CODE_MUST_NOT_BE_ZERO' | 'EXISTS_WITH_DIFFERENT_FLAGS'
  | 'EXISTS_WITH_DIFFERENT_USER_DATA_128' | 'EXISTS_WITH_DIFFERENT_USER_DATA_64'
  | 'EXISTS_WITH_DIFFERENT_USER_DATA_32' | 'EXISTS_WITH_DIFFERENT_LEDGER'
  | 'EXISTS_WITH_DIFFERENT_CODE' | 'EXISTS' | 'IMPORTED_EVENT_EXPECTED'
  | 'IMPORTED_EVENT_NOT_EXPECTED' | 'IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE'
  | 'IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE' | 'IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS'
  | 'LEDGER_NOT_FOUND' | 'CODE_OUT_OF_RANGE' | 'LEDGER_OUT_OF_RANGE' | 'CREDIT_LIMIT_OUT_OF_RANGE'
  | 'EXISTS_WITH_DIFFERENT_CREDIT_LIMIT'>;
export const TransferFlags: Numbers<'LINKED' | 'PENDING' | 'POST_PENDING_TRANSFER'
  | 'VOID_PENDING_TRANSFER' | 'BALANCING_DEBIT' | 'BALANCING_CREDIT' | 'CLOSING_DEBIT'
  | 'CLOSING_CREDIT' | 'IMPORTED'>;
export const QueryFlags: Numbers<'DEBITS' | 'CREDITS' | 'REVERSED' | 'HOLDS'>;
export const ExportFormat: Numbers<'CSV' | 'CSV_RAW' | 'HLEDGER' | 'BEANCOUNT'>;
export const TransferConditions: Numbers<'DEBIT_VERSION' | 'CREDIT_VERSION' | 'DEBIT_BALANCE'>;
export const TransferStatus: Numbers<'CREATED' | 'LINKED_EVENT_FAILED' | 'LINKED_EVENT_CHAIN_OPEN'
  | 'TIMESTAMP_MUST_BE_ZERO' | 'RESERVED_FLAG' | 'ID_MUST_NOT_BE_ZERO' | 'ID_MUST_NOT_BE_INT_MAX'
  | 'FLAGS_ARE_MUTUALLY_EXCLUSIVE' | 'DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO'
  | 'DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX' | 'CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO'
  | 'CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX' | 'ACCOUNTS_MUST_BE_DIFFERENT'
  | 'PENDING_ID_MUST_BE_ZERO' | 'PENDING_ID_MUST_NOT_BE_ZERO' | 'PENDING_ID_MUST_NOT_BE_INT_MAX'
  | 'PENDING_ID_MUST_BE_DIFFERENT' | 'TIMEOUT_RESERVED_FOR_PENDING_TRANSFER'
  | 'LEDGER_MUST_NOT_BE_ZERO' | 'CODE_MUST_NOT_BE_ZERO' | 'DEBIT_ACCOUNT_NOT_FOUND'
  | 'CREDIT_ACCOUNT_NOT_FOUND' | 'ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER'
  | 'TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS' | 'PENDING_TRANSFER_NOT_FOUND'
  | 'PENDING_TRANSFER_NOT_PENDING' | 'PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID'
  | 'PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID' | 'PENDING_TRANSFER_HAS_DIFFERENT_LEDGER'
  | 'PENDING_TRANSFER_HAS_DIFFERENT_CODE' | 'EXCEEDS_PENDING_TRANSFER_AMOUNT'
  | 'PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT' | 'PENDING_TRANSFER_ALREADY_POSTED'
  | 'PENDING_TRANSFER_ALREADY_VOIDED' | 'PENDING_TRANSFER_EXPIRED' | 'EXISTS_WITH_DIFFERENT_FLAGS'
  | 'EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID' | 'EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID'
  | 'EXISTS_WITH_DIFFERENT_AMOUNT' | 'EXISTS_WITH_DIFFERENT_PENDING_ID'
  | 'EXISTS_WITH_DIFFERENT_USER_DATA_128' | 'EXISTS_WITH_DIFFERENT_USER_DATA_64'
  | 'EXISTS_WITH_DIFFERENT_USER_DATA_32' | 'EXISTS_WITH_DIFFERENT_TIMEOUT'
  | 'EXISTS_WITH_DIFFERENT_CODE' | 'EXISTS' | 'OVERFLOWS_DEBITS_PENDING'
  | 'OVERFLOWS_CREDITS_PENDING' | 'OVERFLOWS_DEBITS_POSTED' | 'OVERFLOWS_CREDITS_POSTED'
  | 'OVERFLOWS_DEBITS' | 'OVERFLOWS_CREDITS' | 'OVERFLOWS_TIMEOUT' | 'EXCEEDS_CREDITS'
  | 'EXCEEDS_DEBITS' | 'IMPORTED_EVENT_EXPECTED' | 'IMPORTED_EVENT_NOT_EXPECTED'
  | 'IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE' | 'IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE'
  | 'IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS'
  | 'IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT'
  | 'IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT'
  | 'IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO' | 'CLOSING_TRANSFER_MUST_BE_PENDING'
  | 'DEBIT_ACCOUNT_ALREADY_CLOSED' | 'CREDIT_ACCOUNT_ALREADY_CLOSED'
  | 'EXISTS_WITH_DIFFERENT_LEDGER' | 'ID_ALREADY_FAILED' | 'AMOUNT_MUST_NOT_BE_NEGATIVE'
  | 'TIMEOUT_MUST_NOT_BE_NEGATIVE' | 'CODE_OUT_OF_RANGE' | 'LEDGER_OUT_OF_RANGE'
  | 'EFFECTIVE_OUT_OF_RANGE' | 'EXISTS_WITH_DIFFERENT_EFFECTIVE' | 'CONDITION_FAILED'
  | 'EFFECTIVE_IN_CLOSED_PERIOD'
  | 'REVERSED_ID_MUST_NOT_BE_INT_MAX'
  | 'REVERSED_ID_MUST_BE_DIFFERENT'
  | 'REVERSED_TRANSFER_NOT_FOUND'
  | 'REVERSED_TRANSFER_NOT_REVERSIBLE'
  | 'REVERSED_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID'
  | 'REVERSED_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID'
  | 'REVERSED_TRANSFER_HAS_DIFFERENT_LEDGER'
  | 'REVERSED_TRANSFER_ALREADY_REVERSED'
  | 'EXCEEDS_REVERSIBLE_AMOUNT'
  | 'EXISTS_WITH_DIFFERENT_REVERSED_ID'>;
export const TransferKind: Numbers<'SINGLE' | 'PENDING' | 'POSTED' | 'VOIDED' | 'EXPIRED'
  | 'REVERSAL'>;
export const LedgerReason: Numbers<'BOOK_DIFFERS' | 'REFUSED' | 'BALANCE' | 'UNLIMITED'
  | 'LIMIT_DIFFERS' | 'LIMIT_USED' | 'RUN_DIFFERS'
  | 'GROUP_DIFFERS' | 'BOOK_UNKNOWN' | 'GROUP_UNKNOWN' | 'ACCOUNT_UNKNOWN' | 'OTHER_BOOK'
  | 'GROUP_TOO_DEEP' | 'SUM_OVERFLOWS' | 'PROGRAM_DIFFERS' | 'PROGRAM_ENDS_EARLIER'>;
export const InvoiceStatus: Numbers<
  'CREATED' | 'ID_MUST_NOT_BE_ZERO' | 'ID_MUST_NOT_BE_INT_MAX' | 'BOOK_OUT_OF_RANGE'
  | 'SERIES_NOT_SOUND' | 'ISSUED_OUT_OF_RANGE' | 'ACCOUNT_ID_MUST_NOT_BE_ZERO'
  | 'CORRECTS_ID_MUST_BE_DIFFERENT' | 'LINES_MISSING' | 'LINE_TRANSFER_ID_MUST_NOT_BE_ZERO'
  | 'LINE_TRANSFER_ID_MUST_BE_ZERO' | 'LINE_NUMBER_OUT_OF_RANGE' | 'LINE_AMOUNT_OUT_OF_RANGE'
  | 'LINE_TAX_OUT_OF_RANGE' | 'LINE_TAX_RATE_OUT_OF_RANGE' | 'LINE_TEXT_NOT_SOUND'
  | 'EXISTS_WITH_DIFFERENT_CORRECTS_ID' | 'EXISTS_WITH_DIFFERENT_BOOK'
  | 'EXISTS_WITH_DIFFERENT_SERIES' | 'EXISTS_WITH_DIFFERENT_ACCOUNT_ID'
  | 'EXISTS_WITH_DIFFERENT_ISSUED' | 'EXISTS_WITH_DIFFERENT_USER_DATA_128'
  | 'EXISTS_WITH_DIFFERENT_LINES' | 'EXISTS' | 'ACCOUNT_NOT_FOUND' | 'ACCOUNT_HAS_DIFFERENT_BOOK'
  | 'CORRECTED_INVOICE_NOT_FOUND' | 'CORRECTED_INVOICE_IS_CREDIT_NOTE'
  | 'CORRECTED_INVOICE_HAS_DIFFERENT_BOOK' | 'CORRECTED_INVOICE_HAS_DIFFERENT_ACCOUNT_ID'
  | 'TRANSFER_NOT_FOUND' | 'TRANSFER_HAS_DIFFERENT_BOOK' | 'TRANSFER_NOT_INVOICEABLE'
  | 'TRANSFER_HAS_DIFFERENT_ACCOUNTS' | 'TRANSFER_ALREADY_INVOICED' | 'EXCEEDS_TRANSFER_AMOUNT'
  | 'CORRECTED_LINE_NOT_FOUND' | 'CORRECTED_LINE_HAS_DIFFERENT_TAX_RATE'
  | 'CORRECTED_LINE_ALREADY_CREDITED' | 'EXCEEDS_CORRECTED_LINE_AMOUNT'
  | 'EXCEEDS_CORRECTED_LINE_TAX' | 'OVERFLOWS_AMOUNT'>;
export const PayeeFlags: Numbers<'BLOCKED' | 'UNVERIFIED'>;
export const PayoutOutcome: Numbers<'PAID' | 'FAILED'>;
export const PayoutReason: Numbers<'ELIGIBLE' | 'NOT_FOUND' | 'CLOSED' | 'BLOCKED' | 'UNVERIFIED'
  | 'NOTHING' | 'BELOW_MINIMUM' | 'IMMATURE' | 'NOT_NOMINATED'>;

/** The largest amount. A post of it posts all that is held, a balancing transfer moves all. */
export const AMOUNT_MAX: bigint;

/** A book: its number, its asset, and how many decimal places an amount of it has. */
export interface Book {
  book: Int64;
  asset: string;
  scale: number;
}

/** The four balances of an account. */
export interface Balances {
  debitsPendingMinor: bigint;
  debitsPostedMinor: bigint;
  creditsPendingMinor: bigint;
  creditsPostedMinor: bigint;
}

/** An account to open. */
export interface NewAccount {
  /** 36 characters, as are all ids. */
  id: string;
  book: Int64;
  /** The application's kind of account. */
  code: number;
  /** Of `AccountFlags`, together. */
  flags?: number;
  creditLimitMinor?: Int64;
  userData128?: string | null;
  userData64?: Int64;
  userData32?: number;
  /** Of one that is imported. */
  timestampNs?: Int64;
}

/** An account as it was found. */
export interface Account {
  id: string;
  book: bigint;
  code: number;
  /** Of `AccountFlags`, together. */
  flags: number;
  creditLimitMinor: bigint;
  userData128: string | null;
  userData64: bigint;
  userData32: number;
  timestampNs: bigint;
  /** How many events it has. */
  version: bigint;
  balances: Balances;
}

/** A transfer to post. One that posts or voids a hold needs no more than `pendingId`, its flags
 * and, to post, the amount; one that reverses another `reversedId` and the amount. */
export interface Transfer {
  id: string;
  debitAccountId?: string | null;
  creditAccountId?: string | null;
  amountMinor?: Int64;
  book?: Int64;
  /** The application's kind of transfer. */
  code?: number;
  /** Of `TransferFlags`, together. */
  flags?: number;
  pendingId?: string | null;
  reversedId?: string | null;
  /** Of a hold; 0: it does not end by itself. */
  timeoutUs?: Us;
  userData128?: string | null;
  userData64?: Int64;
  userData32?: number;
  /** Of one that is imported. */
  timestampNs?: Int64;
  effectiveUs?: Us;
  /** Of `TransferConditions`, together: which of the next three are asked. */
  conditions?: number;
  debitVersion?: Int64;
  creditVersion?: Int64;
  debitBalanceMinor?: Int64;
}

/** What became of an account to open. */
export class AccountResult {
  private constructor();
  /** Of `AccountStatus`. */
  readonly status: number;
  readonly timestampNs: bigint;
  /** The account is there as it was asked for, since now or before. */
  readonly isDone: boolean;
}

/** What became of a transfer: what was moved, and what both accounts had after it, or, when it was
 * refused, have. */
export class TransferResult {
  private constructor();
  /** Of `TransferStatus`. */
  readonly status: number;
  readonly timestampNs: bigint;
  readonly amountMinor: bigint;
  readonly debit: Balances;
  readonly credit: Balances;
  /** The transfer happened, now or before. */
  readonly isDone: boolean;
}

/** An account whose balances are not those of its events: as kept, and as they have to be. */
export interface Difference {
  accountId: string;
  book: bigint;
  keptVersion: bigint;
  version: bigint;
  kept: Balances;
  balances: Balances;
  keptIsClosed: boolean;
  isClosed: boolean;
  keptCreditLimitMinor: bigint;
  creditLimitMinor: bigint;
}

/** A total that is not that of its events: as it is kept, and as it has to be. */
export interface TotalDifference {
  accountId: string;
  quarterUs: bigint;
  code: number;
  keptDebitsMinor: bigint;
  keptCreditsMinor: bigint;
  keptEventCount: bigint;
  debitsMinor: bigint;
  creditsMinor: bigint;
  eventCount: bigint;
}

/** From one quarter of an hour to another; code 0: all, to 0: to the end. */
export interface Period {
  accountId: string;
  code?: number;
  fromUs?: number | bigint;
  toUs?: number | bigint;
}

/** What an account moved in a period. */
export interface Total {
  code: number;
  debitsMinor: bigint;
  creditsMinor: bigint;
  eventCount: bigint;
}

/** For whom a book, or an account, is kept; without an entity for nobody. */
export interface Owner {
  entity?: string | null;
  accountId?: string;
  book?: number | bigint;
}

/** Of an account, for whom it and its book are kept; '': for nobody. */
export interface Ownership {
  book: bigint;
  entity: string;
  bookEntity: string;
}

/** A group of accounts, which may stand below another one of its book. */
export interface Group {
  id: string;
  book: Int64;
  parentId?: string | null;
}

/** That an account is in a group. */
export interface Member {
  groupId: string;
  accountId: string;
}

/** What the accounts in a group and below it have together, each once. */
export interface GroupTotal {
  book: bigint;
  accountCount: bigint;
  balances: Balances;
}

/** What holds for all payouts; maximum 0: however much it is, matured 0: nothing is too young. */
export interface PayoutRules {
  minimumMinor?: number | bigint;
  maximumMinor?: number | bigint;
  reserveMinor?: number | bigint;
  maturedUs?: number | bigint;
  /** An account of another book is not found; of a run it has to be given. */
  book?: number | bigint;
  feeMinor?: number | bigint;
  /** Only who is nominated in it gets something. */
  programId?: string | null;
}

/** A run of payouts; whatever has its id is the same run. */
export interface PayoutRun {
  id: string;
  code: number;
  clearingAccountId: string;
  feeAccountId?: string;
  timeoutUs?: number | bigint;
}

/** What the bank has said of a payee: of `PayoutOutcome`. */
export interface PayeeOutcome {
  accountId: string;
  outcome: number;
}

/** Of whom it is asked whether he may be paid out. */
export interface Payee {
  accountId: string;
  /** Of `PayeeFlags`, together. */
  flags?: number;
}

/** What a payee may get, or why nothing; of a run also the hold, and how it ended. */
export interface Payout {
  /** Of `PayoutReason`. */
  reason: number;
  amountMinor: bigint;
  availableMinor: bigint;
  immatureMinor: bigint;
  feeMinor: bigint;
  transferId: string | null;
  timestampNs: bigint;
  /** Of `TransferKind`; 0: it has not ended. */
  resolution: number;
}

/** A line to issue. */
export interface InvoiceLine {
  /** An invoice: the transfer. */
  transferId?: string;
  /** A credit note: the number of the invoice's line. */
  correctedLine?: number | bigint;
  /** With the tax; 0 or nothing: all that is left. */
  amountMinor?: number | bigint;
  taxMinor?: number | bigint;
  /** Millionths: 190000 is 19 %. */
  taxRatePpm?: number;
  text?: string;
}

/** An invoice to issue; with `correctsId` a credit note, which needs no account. */
export interface Invoice {
  id: string;
  accountId?: string | null;
  book: number | bigint;
  series: string;
  lines: InvoiceLine[];
  correctsId?: string | null;
  /** Nothing: now. */
  issuedUs?: number | bigint;
  userData128?: string | null;
}

/** What became of an invoice. */
export class InvoiceResult {
  private constructor();
  /** Of `InvoiceStatus`. */
  readonly status: number;
  readonly number: bigint;
  readonly issuedUs: bigint;
  readonly amountMinor: bigint;
  readonly taxMinor: bigint;
  /** Refused for one of its lines: which, from 1 on. */
  readonly refusedLine: bigint;
  /** The invoice is there as it was asked for, since now or before. */
  readonly isDone: boolean;
}

/** An invoice as it is stored. */
export interface InvoiceRow {
  id: string;
  accountId: string;
  correctsId: string | null;
  userData128: string | null;
  book: bigint;
  series: string;
  number: bigint;
  lineCount: number;
  issuedUs: bigint;
  createdUs: bigint;
  amountMinor: bigint;
  taxMinor: bigint;
  /** What credit notes gave back of it. */
  creditedMinor: bigint;
}

/** A line as it is stored. */
export interface InvoiceLineRow {
  lineNumber: bigint;
  transferId: string;
  amountMinor: bigint;
  taxMinor: bigint;
  taxRatePpm: number;
  text: string;
  correctedLine: bigint;
  creditedMinor: bigint;
  creditedTaxMinor: bigint;
}

/** Events that were put in sequence together; number 0: none. */
export interface Seal {
  book: bigint;
  number: bigint;
  firstSequence: bigint;
  eventCount: bigint;
  sealedUs: bigint;
  previousHash: Buffer;
  hash: Buffer;
}

/** A transfer as it is stored. */
export interface LedgerEvent {
  id: string;
  debitAccountId: string;
  creditAccountId: string;
  amountMinor: bigint;
  book: bigint;
  code: number;
  /** Of `TransferFlags`, together. */
  flags: number;
  pendingId: string | null;
  reversedId: string | null;
  timeoutUs: bigint;
  userData128: string | null;
  userData64: bigint;
  userData32: number;
  timestampNs: bigint;
  effectiveUs: bigint;
  /** Of `TransferKind`. */
  kind: number;
  /** Of a hold: by what kind of event it ended, and until then SINGLE. */
  resolution: number;
  /** How much of it came back. */
  reversedMinor: bigint;
  /** After it. */
  debit: Balances;
  credit: Balances;
}

/** Which transfers or accounts: all that is set has to hold. Times are the ledger's, both included.
 */
export interface Query {
  /** Of `QueryFlags`, together. */
  flags?: number;
  /** Transfers of this account; none: of the whole book. */
  accountId?: string | null;
  book?: Int64;
  code?: number;
  userData128?: string | null;
  userData64?: Int64;
  userData32?: number;
  fromNs?: Int64;
  toNs?: Int64;
  /** Where the page before this one ended. */
  cursorNs?: Int64;
}

/** A page, and where to go on; 0n: the end was reached. */
export interface Page<Row> {
  rows: Row[];
  cursorNs: bigint;
}

/** Only the service may do anything here. A batch has up to 8,190 items, and is one transaction. */
export interface Ledger<IsAsync extends boolean> extends Programs<IsAsync> {
  /** Open books, all or none. One that is there with the same fields is left as it is. */
  openBooks(books: readonly Book[]): Answer<IsAsync, void>;
  /**
   * Close a book through a time: what is effective then or before is refused from now on. What is
   * closed stays closed.
   */
  closeBook(book: number | bigint, throughUs: number | bigint): Answer<IsAsync, void>;
  /** Change the credit limit of an account from what the caller knows it to be. */
  changeCreditLimit(accountId: string, wasMinor: number | bigint,
    limitMinor: number | bigint): Answer<IsAsync, void>;
  /** Open accounts; each has its own result. */
  openAccounts(accounts: readonly NewAccount[]): Answer<IsAsync, AccountResult[]>;
  /** Post transfers, in their order; each has its own result, and a repeat changes nothing. */
  post(transfers: readonly Transfer[]): Answer<IsAsync, TransferResult[]>;
  /** End up to `budget` holds that have run out, and answer how many were. */
  expire(budget: Int64): Answer<IsAsync, bigint>;
  /** Accounts by their ids, in that order; null for one that is not there. */
  findAccounts(ids: readonly string[]): Answer<IsAsync, (Account | null)[]>;
  /** Transfers by their ids, in that order; null for one that is not there. */
  findTransfers(ids: readonly string[]): Answer<IsAsync, (LedgerEvent | null)[]>;
  /** Accounts as they were after the events of that time of the ledger. */
  findAccountsAt(timestampNs: Int64, ids: readonly string[]): Answer<IsAsync, (Account | null)[]>;
  /** One page of transfers(). */
  transfersPage(query: Query, options?: { capacity?: number }):
    Answer<IsAsync, Page<LedgerEvent>>;
  /** One page of accounts(). */
  accountsPage(query: Query, options?: { capacity?: number }): Answer<IsAsync, Page<Account>>;
  /** The transfers of an account or a book, in order, read `capacity` at a time. */
  transfers(query: Query, options?: { capacity?: number }): Rows<IsAsync, LedgerEvent>;
  /** One piece of export(), of up to `size` bytes. */
  exportPiece(query: Query, options?: { format?: number; size?: number }):
    Answer<IsAsync, { rows: Buffer; cursorNs: bigint }>;
  /** What the query asks for as a file, in pieces of up to `size` bytes. */
  export(query: Query, options?: { format?: number; size?: number }): Rows<IsAsync, Buffer>;
  /** Post the next lines of a table; what of `piece` was used, and the lines there were so far. */
  importPiece(book: number | bigint, piece: Uint8Array, lineCount: number | bigint):
    Answer<IsAsync, { lineCount: bigint; used: bigint }>;
  /**
   * Post a table that was exported, such as a stream of its file, and answer how many transfers it
   * has. Some thousands are one transaction: what is before an error stays, and importing the
   * table again goes on.
   */
  importTable(book: number | bigint, pieces: IsAsync extends true
    ? AsyncIterable<Uint8Array> | Iterable<Uint8Array> : Iterable<Uint8Array>):
    Answer<IsAsync, number>;
  /**
   * Reckon the balances of a book from its events, and answer up to `capacity` accounts that
   * differ; `repair` writes them. A history that is broken is FARM_ECORRUPT.
   */
  recompute(book: number | bigint, options?: { repair?: boolean; capacity?: number }):
    Answer<IsAsync, Difference[]>;
  /** The same of the totals, from the events that are in sequence. */
  recomputeTotals(book: number | bigint, options?: { repair?: boolean; capacity?: number }):
    Answer<IsAsync, TotalDifference[]>;
  /** Put up to `budget` of a book's oldest events in sequence, and seal them. */
  sealEvents(book: number | bigint, budget?: number): Answer<IsAsync, Seal>;
  /** The events of a book behind a place in its sequence, each once and none missed. */
  follow(book: number | bigint, afterSequence?: number | bigint, options?: { capacity?: number }):
    Answer<IsAsync, LedgerEvent[]>;
  /** The seals of a book behind one of them. */
  findSeals(book: number | bigint, afterNumber?: number | bigint,
    options?: { capacity?: number }): Answer<IsAsync, Seal[]>;
  /**
   * Check up to `budget` seals behind a known one, and answer the last. Where none is left that is
   * the known one. A seal that breaks is FARM_ECORRUPT, and the error names it.
   */
  verifySeals(book: number | bigint, known?: Seal, options?: { budget?: number }):
    Answer<IsAsync, Seal>;
  /** What accounts moved in periods, by when it counts. */
  sumPeriods(periods: Period[]): Answer<IsAsync, Total[]>;
  /** What an account moved in a period, by code. */
  sumCodes(period: Period, afterCode?: number, options?: { capacity?: number }):
    Answer<IsAsync, Total[]>;
  /** Say for whom books and accounts are kept; who has a role there may act for them. */
  assignOwners(owners: Owner[]): Answer<IsAsync, void>;
  /** For whom accounts are kept; null for one that is not there. */
  findOwners(ids: string[]): Answer<IsAsync, (Ownership | null)[]>;
  /** Open groups of accounts, all or none; one may stand below another that comes before it. */
  openGroups(groups: readonly Group[]): Answer<IsAsync, void>;
  /** Put accounts into groups, all or none. */
  groupAccounts(members: readonly Member[]): Answer<IsAsync, void>;
  /** Take accounts out of groups, all or none. */
  ungroupAccounts(members: readonly Member[]): Answer<IsAsync, void>;
  /** What the accounts of groups have together; null for a group that is not there. */
  sumGroups(ids: readonly string[]): Answer<IsAsync, (GroupTotal | null)[]>;
  /** The accounts of a group itself, behind one that was opened at `afterNs`. */
  listGroupAccounts(groupId: string, afterNs?: Int64, options?: { capacity?: number }):
    Answer<IsAsync, Account[]>;
  /** What payees may get, and why somebody gets nothing; nothing is changed. */
  checkPayouts(rules: PayoutRules, payees: Payee[]): Answer<IsAsync, Payout[]>;
  /** Hold what payees get; a payee has one payout in a run, however often it is asked for. */
  holdPayouts(run: PayoutRun, rules: PayoutRules, payees: Payee[]): Answer<IsAsync, Payout[]>;
  /** Post or void what a run holds. */
  settlePayouts(book: number | bigint, runId: string, outcomes: PayeeOutcome[]):
    Answer<IsAsync, TransferResult[]>;
  /** What a run holds or held of accounts; null: nothing. */
  findPayouts(book: number | bigint, runId: string, accountIds: string[]):
    Answer<IsAsync, (Payout | null)[]>;
  /** Issue invoices and credit notes, each with the next number of its series. */
  issueInvoices(invoices: Invoice[]): Answer<IsAsync, InvoiceResult[]>;
  /** Invoices by their ids; null for one that is not there. */
  findInvoices(ids: string[]): Answer<IsAsync, (InvoiceRow | null)[]>;
  /** The invoices of a series behind a number; fewer than `capacity`: that is all. */
  listInvoices(book: number | bigint, series: string, afterNumber?: number | bigint,
    options?: { capacity?: number }): Answer<IsAsync, InvoiceRow[]>;
  /** The lines of an invoice behind one of them. */
  listInvoiceLines(invoiceId: string, afterLine?: number | bigint,
    options?: { capacity?: number }): Answer<IsAsync, InvoiceLineRow[]>;
  /** The accounts of a book, as they were opened, read `capacity` at a time. */
  accounts(query: Query, options?: { capacity?: number }): Rows<IsAsync, Account>;
}

export function accountStatusName(status: number): string;
export function accountStatusText(status: number): string;
export function invoiceStatusName(status: number): string;
export function invoiceStatusText(status: number): string;
export function transferStatusName(status: number): string;
export function transferStatusText(status: number): string;
