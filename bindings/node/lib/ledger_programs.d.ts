// Incentive programs of the ledger and who or what is nominated for them.
import type { Answer, Int64, Numbers } from './index.js';

export const NominationStatus: Numbers<'CREATED'
  | 'EXISTS'
  | 'EXISTS_WITH_DIFFERENT_ACCOUNT_ID'
  | 'EXISTS_WITH_DIFFERENT_NOMINATED_BY'
  | 'EXISTS_WITH_DIFFERENT_UNTIL'
  | 'EXISTS_WITH_DIFFERENT_USER_DATA_128'
  | 'EXISTS_WITH_DIFFERENT_NUMBER'
  | 'EXISTS_WITH_DIFFERENT_WITHDRAWN_BY'
  | 'PROGRAM_NOT_FOUND'
  | 'PROGRAM_ENDED'
  | 'ACCOUNT_NOT_FOUND'
  | 'ACCOUNT_HAS_DIFFERENT_LEDGER'
  | 'UNTIL_OUT_OF_RANGE'
  | 'FULL'
  | 'NOMINATION_NOT_FOUND'
  | 'NOMINATION_ENDED'>;

/** An incentive program to open; until 0: without an end, nominations 0: however many. */
export interface Program {
  id: string;
  book: Int64;
  name: string;
  fromUs?: Int64;
  untilUs?: Int64;
  nominationsMax?: Int64;
  userData128?: string | null;
}

/** A program as it is now; `openedUntilUs` is the end that it was opened with. */
export interface FoundProgram {
  id: string;
  book: bigint;
  name: string;
  fromUs: bigint;
  untilUs: bigint;
  openedUntilUs: bigint;
  nominationsMax: bigint;
  nominationCount: bigint;
  userData128: string | null;
}

/** Who or what is nominated, by whom, for whose account; until 0: as long as the program. */
export interface Nomination {
  programId: string;
  subject: string;
  nominatedBy: string;
  accountId?: string | null;
  untilUs?: Int64;
  /** From 1 on, so that a late repeat makes no other; 0: the one that runs, or the next. */
  number?: Int64;
  userData128?: string | null;
}

/** A nomination to end; number 0: the latest. */
export interface Withdrawal {
  programId: string;
  subject: string;
  withdrawnBy: string;
  number?: Int64;
}

/** What became of a nomination, or of its withdrawal. */
export class NominationResult {
  /** Of `NominationStatus`. */
  readonly status: number;
  readonly number: bigint;
  /** It is as it was asked for, since now or before. */
  readonly isDone: boolean;
}

/** A nomination as it is now; withdrawn by '': nobody, until 0: without an end. */
export interface FoundNomination {
  programId: string;
  book: bigint;
  subject: string;
  number: bigint;
  accountId: string | null;
  nominatedBy: string;
  fromUs: bigint;
  untilUs: bigint;
  withdrawnBy: string;
  userData128: string | null;
}

/** Of which subject, and behind which nomination of it. */
export interface NominationQuery {
  book: Int64;
  subject: string;
  afterProgramId?: string | null;
  afterNumber?: Int64;
}

/** Whether an account is nominated, and until when; 0: without an end. */
export interface Nominated {
  isNominated: boolean;
  untilUs: bigint;
}

/** What the ledger does with them. */
export interface Programs<IsAsync extends boolean> {
  /** Open incentive programs, all or none. */
  openPrograms(programs: readonly Program[]): Answer<IsAsync, void>;
  /** Bring a program's end forward; a time that has passed ends it now. */
  endProgram(programId: string, untilUs: Int64): Answer<IsAsync, void>;
  /** Look programs up; null for one that is not there. */
  findPrograms(ids: readonly string[]): Answer<IsAsync, (FoundProgram | null)[]>;
  /** Nominate who or what takes part in programs; each has its own result. */
  nominate(nominations: readonly Nomination[]): Answer<IsAsync, NominationResult[]>;
  /** End nominations now; by whom is kept. */
  withdrawNominations(withdrawals: readonly Withdrawal[]): Answer<IsAsync, NominationResult[]>;
  /** Who or what is nominated, or was at a time, in the order of the subjects. */
  listNominations(programId: string,
    options?: { atUs?: Int64; afterSubject?: string | null; capacity?: number }):
    Answer<IsAsync, FoundNomination[]>;
  /** All nominations of a subject, past ones, too. */
  listSubjectNominations(query: NominationQuery, options?: { capacity?: number }):
    Answer<IsAsync, FoundNomination[]>;
  /** Whether accounts are nominated in a program, or were at a time. */
  checkNominations(programId: string, accountIds: readonly string[], options?: { atUs?: Int64 }):
    Answer<IsAsync, Nominated[]>;
}

export function nominationStatusName(status: number): string;
export function nominationStatusText(status: number): string;
