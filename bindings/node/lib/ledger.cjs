'use strict';
// The ledger of a view; see modules.cjs for what `run` is.
const { AccountStatus, TransferStatus } = require('./enums.cjs');

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

/** What was not found is nothing rather than zeros. */
function found(rows) {
  return rows.map((row) => (row.id === null ? null : row));
}

class Ledger {
  #run;

  constructor(run) {
    this.#run = run;
  }

  openBooks(books) {
    return this.#run('ledger_open_books', [books]);
  }

  openAccounts(accounts) {
    return this.#run('ledger_open_accounts', [accounts],
      (rows) => rows.map((row) => new AccountResult(row)));
  }

  post(transfers) {
    return this.#run('ledger_post', [transfers],
      (rows) => rows.map((row) => new TransferResult(row)));
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
}

module.exports = { Ledger, AccountResult, TransferResult, AMOUNT_MAX };
