// What the tests of the ledger have in common: a till, Ann and Ben, who may not overdraw theirs.
import { randomUUID } from 'node:crypto';
import { AccountFlags } from '../lib/index.mjs';

export const [TILL, ANN, BEN] =
  [1, 2, 3].map((number) => `00000000-0000-0000-0000-00000000000${number}`);
export const flags = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS;
export const ACCOUNTS = [{ id: TILL, book: 1, code: 10 }, { id: ANN, book: 1n, code: 20, flags },
  { id: BEN, book: 1, code: 20, flags }];

export const move = (debitAccountId, creditAccountId, amountMinor, fields = {}) =>
  ({ id: randomUUID(), debitAccountId, creditAccountId, amountMinor, book: 1, code: 1, ...fields });
