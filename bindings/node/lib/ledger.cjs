'use strict';
// The ledger of a view; see modules.cjs for what `run` is.
const {
  AccountStatus, ExportFormat, InvoiceStatus, NominationStatus, TransferStatus,
} = require('./enums.cjs');

/** The largest amount. A post of it posts all that is held, a balancing transfer moves all. */
const AMOUNT_MAX = 2n ** 63n - 1n;

/** What became of an account to open. */
class AccountResult {
  constructor(row) {
    Object.assign(this, row);
  }

  /** The account is there as it was asked for, since now or before. */
  get isDone() {
    return this.status === AccountStatus.CREATED || this.status === AccountStatus.EXISTS;
  }
}

/** What became of a transfer. */
class TransferResult {
  constructor(row) {
    Object.assign(this, row);
  }

  /** The transfer happened, now or before. */
  get isDone() {
    return this.status === TransferStatus.CREATED || this.status === TransferStatus.EXISTS;
  }
}

/** What became of an invoice. */
class InvoiceResult {
  constructor(row) {
    Object.assign(this, row);
  }

  /** The invoice is there as it was asked for, since now or before. */
  get isDone() {
    return this.status === InvoiceStatus.CREATED || this.status === InvoiceStatus.EXISTS;
  }
}

/** What became of a nomination, or of its withdrawal. */
class NominationResult {
  constructor(row) {
    Object.assign(this, row);
  }

  /** It is as it was asked for, since now or before. */
  get isDone() {
    return this.status === NominationStatus.CREATED || this.status === NominationStatus.EXISTS;
  }
}

/** What was not found is nothing rather than zeros. */
function found(rows) {
  return rows.map((row) => (row.id === null ? null : row));
}

function paid(rows) {
  return rows.map((row) => (row.transferId === null ? null : row));
}

function owned(rows) {
  return rows.map((row) => (row.book === 0n ? null : row));
}

function results(rows) {
  return rows.map((row) => new TransferResult(row));
}

function nominationResults(rows) {
  return rows.map((row) => new NominationResult(row));
}

const PAGE = 100;
const PIECE = 65536;
const NEWLINE = 10;

/** All rows of a query, page by page. */
async function* followed(query, read) {
  for (let cursorNs = query.cursorNs; cursorNs !== 0n;) {
    const next = await read({ ...query, cursorNs });
    yield* Buffer.isBuffer(next.rows) ? [next.rows] : next.rows;
    cursorNs = next.cursorNs;
  }
}

function* followedAtOnce(query, read) {
  for (let cursorNs = query.cursorNs; cursorNs !== 0n;) {
    const next = read({ ...query, cursorNs });
    yield* Buffer.isBuffer(next.rows) ? [next.rows] : next.rows;
    cursorNs = next.cursorNs;
  }
}

/** What of a table to import next; send done() what became of it. */
class Table {
  #rest = Buffer.alloc(0);
  #lineCount = 0n;

  * add(piece) {
    this.#rest = Buffer.concat([this.#rest, piece]);
    if (this.#rest.length >= PIECE) yield* this.#whole();
  }

  * end() {
    if (this.#rest.length > 0 && this.#rest.at(-1) !== NEWLINE) {
      this.#rest = Buffer.concat([this.#rest, Buffer.of(NEWLINE)]);
    }
    yield* this.#whole();
  }

  * #whole() {
    while (this.#rest.includes(NEWLINE)) yield [this.#rest, this.#lineCount];
  }

  done({ lineCount, used }) {
    this.#lineCount = lineCount;
    this.#rest = this.#rest.subarray(Number(used));
  }

  get count() {
    return Math.max(0, Number(this.#lineCount) - 1);
  }
}

const NO_SEAL = { previousHash: Buffer.alloc(32), hash: Buffer.alloc(32) };

class Ledger {
  #run;

  constructor(run) {
    this.#run = run;
  }

  openBooks(books) {
    return this.#run('ledger_open_books', [books]);
  }

  closeBook(book, throughUs) {
    return this.#run('ledger_close_book', [book, throughUs]);
  }

  changeCreditLimit(accountId, wasMinor, limitMinor) {
    return this.#run('ledger_change_credit_limit', [accountId, wasMinor, limitMinor]);
  }

  openAccounts(accounts) {
    return this.#run('ledger_open_accounts', [accounts],
      (rows) => rows.map((row) => new AccountResult(row)));
  }

  post(transfers) {
    return this.#run('ledger_post', [transfers], results);
  }

  expire(budget) {
    return this.#run('ledger_expire', [budget]);
  }

  findAccounts(ids) {
    return this.#run('ledger_find_accounts', [ids], found);
  }

  findTransfers(ids) {
    return this.#run('ledger_find_transfers', [ids], found);
  }

  findAccountsAt(timestampNs, ids) {
    return this.#run('ledger_find_accounts_at', [timestampNs, ids], found);
  }

  transfersPage(query, { capacity = PAGE } = {}) {
    return this.#run('ledger_query_transfers', [query, capacity]);
  }

  exportPiece(query, { format = ExportFormat.CSV, size = PIECE } = {}) {
    return this.#run('ledger_export_next', [query, format, size]);
  }

  importPiece(book, piece, lineCount) {
    return this.#run('ledger_import_next', [book, piece, lineCount]);
  }

  sealEvents(book, budget = PAGE) {
    return this.#run('ledger_seal_events', [book, budget]);
  }

  follow(book, afterSequence = 0, { capacity = PAGE } = {}) {
    return this.#run('ledger_follow', [book, afterSequence, capacity]);
  }

  findSeals(book, afterNumber = 0, { capacity = PAGE } = {}) {
    return this.#run('ledger_find_seals', [book, afterNumber, capacity]);
  }

  verifySeals(book, known = NO_SEAL, { budget = PAGE } = {}) {
    return this.#run('ledger_verify_seals', [book, known, budget]);
  }

  sumPeriods(periods) {
    return this.#run('ledger_sum_periods', [periods]);
  }

  sumCodes(period, afterCode = 0, { capacity = PAGE } = {}) {
    return this.#run('ledger_sum_codes', [period, afterCode, capacity]);
  }

  assignOwners(owners) {
    return this.#run('ledger_assign_owners', [owners]);
  }

  findOwners(ids) {
    return this.#run('ledger_find_owners', [ids], owned);
  }

  openGroups(groups) {
    return this.#run('ledger_open_groups', [groups]);
  }

  groupAccounts(members) {
    return this.#run('ledger_group_accounts', [members]);
  }

  ungroupAccounts(members) {
    return this.#run('ledger_ungroup_accounts', [members]);
  }

  sumGroups(ids) {
    return this.#run('ledger_sum_groups', [ids],
      (rows) => rows.map((row) => (row.book === 0n ? null : row)));
  }

  listGroupAccounts(groupId, afterNs = 0, { capacity = PAGE } = {}) {
    return this.#run('ledger_list_group_accounts', [groupId, afterNs, capacity]);
  }

  openPrograms(programs) {
    return this.#run('ledger_open_programs', [programs]);
  }

  endProgram(programId, untilUs) {
    return this.#run('ledger_end_program', [programId, untilUs]);
  }

  findPrograms(ids) {
    return this.#run('ledger_find_programs', [ids], found);
  }

  nominate(nominations) {
    return this.#run('ledger_nominate', [nominations], nominationResults);
  }

  withdrawNominations(withdrawals) {
    return this.#run('ledger_withdraw_nominations', [withdrawals], nominationResults);
  }

  listNominations(programId, { atUs = 0, afterSubject = null, capacity = PAGE } = {}) {
    return this.#run('ledger_list_nominations', [programId, atUs, afterSubject, capacity]);
  }

  listSubjectNominations(query, { capacity = PAGE } = {}) {
    return this.#run('ledger_list_subject_nominations', [query, capacity]);
  }

  checkNominations(programId, accountIds, { atUs = 0 } = {}) {
    return this.#run('ledger_check_nominations', [programId, atUs, accountIds]);
  }

  checkPayouts(rules, payees) {
    return this.#run('ledger_check_payouts', [rules, payees]);
  }

  holdPayouts(run, rules, payees) {
    return this.#run('ledger_hold_payouts', [run, rules, payees]);
  }

  settlePayouts(book, runId, outcomes) {
    return this.#run('ledger_settle_payouts', [book, runId, outcomes], results);
  }

  findPayouts(book, runId, accountIds) {
    return this.#run('ledger_find_payouts', [book, runId, accountIds], paid);
  }

  issueInvoices(invoices) {
    const lines = invoices.flatMap((invoice) => invoice.lines);
    const items = invoices.map((invoice) => ({ ...invoice, lineCount: invoice.lines.length }));
    return this.#run('ledger_issue_invoices', [lines, items],
      (rows) => rows.map((row) => new InvoiceResult(row)));
  }

  findInvoices(ids) {
    return this.#run('ledger_find_invoices', [ids], found);
  }

  listInvoices(book, series, afterNumber = 0, { capacity = PAGE } = {}) {
    return this.#run('ledger_list_invoices', [book, series, afterNumber, capacity]);
  }

  listInvoiceLines(invoiceId, afterLine = 0, { capacity = PAGE } = {}) {
    return this.#run('ledger_list_invoice_lines', [invoiceId, afterLine, capacity]);
  }

  recompute(book, { repair = false, capacity = PAGE } = {}) {
    return this.#run('ledger_recompute', [book, Number(repair), capacity]);
  }

  recomputeTotals(book, { repair = false, capacity = PAGE } = {}) {
    return this.#run('ledger_recompute_totals', [book, Number(repair), capacity]);
  }

  accountsPage(query, { capacity = PAGE } = {}) {
    return this.#run('ledger_query_accounts', [query, capacity]);
  }
}

/** transfers() and accounts() of a Store. */
class AsyncLedger extends Ledger {
  async *transfers(query, options) {
    yield* followed(query, (next) => this.transfersPage(next, options));
  }

  async *export(query, options) {
    yield* followed(query, (next) => this.exportPiece(next, options));
  }

  async importTable(book, pieces) {
    const table = new Table();
    const read = async (parts) => {
      for (const part of parts) table.done(await this.importPiece(book, ...part));
    };
    for await (const piece of pieces) await read(table.add(piece));
    await read(table.end());
    return table.count;
  }

  async *accounts(query, options) {
    yield* followed(query, (next) => this.accountsPage(next, options));
  }
}

/** transfers() and accounts() of a SyncStore. */
class SyncLedger extends Ledger {
  *transfers(query, options) {
    yield* followedAtOnce(query, (next) => this.transfersPage(next, options));
  }

  *export(query, options) {
    yield* followedAtOnce(query, (next) => this.exportPiece(next, options));
  }

  importTable(book, pieces) {
    const table = new Table();
    const read = (parts) => {
      for (const part of parts) table.done(this.importPiece(book, ...part));
    };
    for (const piece of pieces) read(table.add(piece));
    read(table.end());
    return table.count;
  }

  *accounts(query, options) {
    yield* followedAtOnce(query, (next) => this.accountsPage(next, options));
  }
}

module.exports = {
  AsyncLedger, SyncLedger, AccountResult, InvoiceResult, NominationResult, TransferResult,
  AMOUNT_MAX,
};
