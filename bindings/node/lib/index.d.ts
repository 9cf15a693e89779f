import type { Ledger } from './ledger.js';

export * from './ledger.js';

/** Results of 64 bits are always bigint; as an argument a safe integer does, too. */
export type Int64 = bigint | number;
/** Milliseconds and such are never meant: what ends in Us is microseconds. */
export type Us = Int64;

export type Answer<IsAsync extends boolean, T> = IsAsync extends true ? Promise<T> : T;
type Rows<IsAsync extends boolean, T> =
  IsAsync extends true ? AsyncIterableIterator<T> : IterableIterator<T>;
export type Numbers<Names extends string> = { readonly [Name in Names]: number };

export const Status: Numbers<'OK' | 'ENOMEM' | 'EINVAL' | 'ENOTFOUND' | 'EEXISTS' | 'ECONFLICT'
  | 'EREFUSED' | 'EAGAIN' | 'ETIMEOUT' | 'EUNAVAILABLE' | 'EUNCERTAIN' | 'EDENIED' | 'EREADONLY'
  | 'EFULL' | 'ECORRUPT' | 'EUNSUPPORTED' | 'EINTERNAL'>;
export const RateScope: Numbers<'KEY' | 'USER' | 'ADDRESS' | 'GLOBAL'>;
export const RateReason: Numbers<'UNKNOWN_LIMIT' | 'BAD_SUBJECT' | 'OUT_OF_RANGE' | 'TWICE'
  | 'NOT_REFUNDABLE' | 'OWN_TRANSACTION' | 'NOT_HELD' | 'BAD_ZONE'>;
export const RateAlgorithm: Numbers<'BUCKET' | 'WINDOW' | 'SLIDING' | 'CONCURRENCY'>;
export const RateCalendar: Numbers<'NONE' | 'HOUR' | 'DAY' | 'WEEK' | 'MONTH' | 'YEAR'>;
export const RateChange: Numbers<'DEFAULT' | 'RESET' | 'KEEP' | 'PROPORTIONAL'>;
export const RateOnError: Numbers<'CLOSED' | 'OPEN' | 'LOCAL'>;
export const RateRule: Numbers<'LIMIT' | 'OVERRIDE' | 'EXEMPT' | 'BAN'>;
export const RateSource: Numbers<'STORE' | 'DENIAL' | 'LEASE' | 'LOCAL' | 'OPEN'>;
export const Outcome: Numbers<'EXECUTE' | 'REPLAY' | 'IN_PROGRESS' | 'MISMATCH'>;
export const IdempotencyReason: Numbers<'LOST' | 'NOT_CLAIMED' | 'STEP_BACK' | 'TOO_LARGE'>;
export const Role: Numbers<'OWNER' | 'MANAGER' | 'MEMBER' | 'VIEWER' | 'SERVICE'>;
export const Operation: Numbers<'READ' | 'WRITE' | 'MANAGE' | 'EXPORT' | 'PAY' | 'REFUND'
  | 'CLOSE' | 'GRANT'>;
export const RoleReason: Numbers<'NO_ROLE' | 'NOT_ALLOWED' | 'LAST_OWNER' | 'OWNER_EXPIRES'
  | 'UNKNOWN_ENTITY'>;
export const BreakerState: Numbers<'CLOSED' | 'OPEN' | 'HALF_OPEN' | 'FORCED_OPEN'
  | 'FORCED_CLOSED'>;
export const CallOutcome: Numbers<'SUCCESS' | 'FAILURE' | 'EXCLUDED'>;
export const BreakerCause: Numbers<'CONSECUTIVE' | 'FAILURES' | 'SLOW' | 'TIME' | 'PROBE_FAILED'
  | 'PROBED' | 'MANUAL'>;

export type FarmErrorCode = 'FARM_ENOMEM' | 'FARM_EINVAL' | 'FARM_ENOTFOUND' | 'FARM_EEXISTS'
  | 'FARM_ECONFLICT' | 'FARM_EREFUSED' | 'FARM_EAGAIN' | 'FARM_ETIMEOUT' | 'FARM_EUNAVAILABLE'
  | 'FARM_EUNCERTAIN' | 'FARM_EDENIED' | 'FARM_EREADONLY' | 'FARM_EFULL' | 'FARM_ECORRUPT'
  | 'FARM_EUNSUPPORTED' | 'FARM_EINTERNAL';

/** A call that failed. Test `code` or `reason`; the message is for people. */
export class FarmError extends Error {
  private constructor();
  readonly code: FarmErrorCode;
  /** The status as a number, of `Status`. */
  readonly status: number;
  /** The module's reason, such as `RoleReason.LAST_OWNER`; 0 when the status says it all. */
  readonly reason: number;
  /** Whether the same call, repeated with the same ids, may succeed. */
  readonly retryable: boolean;
}

/** `count` tokens in `periodUs`, given back evenly; `burst` (`count`) at once. */
export interface Limit {
  name: string;
  count: Int64;
  /** None with a calendar. */
  periodUs?: Us;
  burst?: Int64;
  scope?: number;
  ipv4Prefix?: number;
  ipv6Prefix?: number;
  algorithm?: number;
  calendar?: number;
  /** Of the calendar: "Europe/Berlin", or TZ as POSIX writes it; UTC. */
  zone?: string | null;
  initial?: Int64;
  isShadow?: boolean;
  onError?: number;
  onChange?: number;
  nodeCount?: number;
  jitterPercent?: number;
  leaseCount?: number;
  deniedUs?: Us;
}

/** A subject's own figures, its exemption, or its ban. */
export interface Override {
  limit: string;
  subject: string;
  /** Of RateRule. */
  rule: number;
  burst?: Int64;
  count?: Int64;
  periodUs?: Us;
  /** 0: for good. */
  expiresUs?: Us;
}

export interface Request {
  limit: string;
  /** As the limit's scope says; none for a global limit. */
  subject?: string | null;
  /** Tokens; 1. */
  cost?: Int64;
  /** 1: take it though there is not enough. */
  flags?: number;
}

/** The state of one limit after the call. */
export interface RateState {
  allowed: boolean;
  /** The cost is more than the burst: no waiting helps. */
  isNever: boolean;
  /** What it says has no part in the decision. */
  isShadow: boolean;
  burst: bigint;
  remaining: bigint;
  /** Until this cost can be had; 0n now, -1n never. */
  retryAfterUs: bigint;
  resetAfterUs: bigint;
  refillUs: bigint;
  /** Of RateRule: which figures it goes by. */
  rule: number;
  /** Of RateSource: who decided. */
  source: number;
}

/** What was decided over all limits of a call. */
export class Decision {
  private constructor();
  readonly allowed: boolean;
  /** Of the limit that decided. */
  readonly decidedIndex: number;
  readonly isNever: boolean;
  /** Until all could be had; 0n when allowed, -1n never. */
  readonly retryAfterUs: bigint;
  /** The same in milliseconds, rounded up; Infinity for never. */
  readonly retryAfterMs: number;
  /** Names the decision for a refund, 36 characters; null when nothing was taken. */
  readonly token: string | null;
  readonly states: readonly RateState[];
  /** The HTTP fields: RateLimit-Policy, RateLimit and, when waiting helps, Retry-After. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the limit that decided: X-RateLimit-Limit, -Remaining and -Reset, in seconds. */
  readonly legacyHeaders: Readonly<Record<string, string>>;
  /** The body of a refusal as application/problem+json; null when allowed. */
  readonly problem: Readonly<Record<string, unknown>> | null;
  readonly requests: readonly Request[];
  /** A limit in shadow mode would have refused. */
  readonly isShadowed: boolean;
  /** The store could not be asked; see the states' source. */
  readonly isDegraded: boolean;
}

export interface Rate<IsAsync extends boolean> {
  /** Define limits or change them, all or none. Only the service may. */
  define(limits: readonly Limit[]): Answer<IsAsync, void>;
  /** Forget a limit. Only the service may. */
  remove(name: string): Answer<IsAsync, void>;
  /** Switch all limits to shadow mode, or back. Only the service may. */
  setShadow(isShadow: boolean): Answer<IsAsync, void>;
  /** Give subjects figures of their own, exempt or ban them. Only the service may. */
  override(overrides: readonly Override[]): Answer<IsAsync, void>;
  /** Leave a subject to the limit itself again. Only the service may. */
  removeOverride(limit: string, subject: string): Answer<IsAsync, void>;
  /** Take from limits, all or none. */
  take(requests: readonly Request[]): Answer<IsAsync, Decision>;
  /** What take() would answer now. */
  peek(requests: readonly Request[]): Answer<IsAsync, Decision>;
  /** Give back what a decision took; without requests, all of it. */
  refund(decision: Decision, requests?: readonly Request[]): Answer<IsAsync, void>;
  refund(token: string, requests: readonly Request[]): Answer<IsAsync, void>;
  /** End the holds of a decision; without requests, all of them. */
  release(decision: Decision, requests?: readonly Request[]): Answer<IsAsync, void>;
  release(token: string, requests: readonly Request[]): Answer<IsAsync, void>;
  /** Let the holds of a decision last for their limits' period from now on. */
  renew(decision: Decision, requests?: readonly Request[]): Answer<IsAsync, void>;
  renew(token: string, requests: readonly Request[]): Answer<IsAsync, void>;
  /** Fill buckets again. Only the service may. */
  reset(requests: readonly Request[]): Answer<IsAsync, void>;
  /** Give back what this process has in advance (`leaseCount`) and has not used. */
  settle(): Answer<IsAsync, void>;
}

/** Limits counted in memory, with the rules and answers of a store's. Nothing waits. */
export class RateLocal {
  /** `buckets`: for how many subjects there is room; 65,536, about 200 bytes each. */
  constructor(limits?: readonly Limit[], options?: { buckets?: number });
  define(limits: readonly Limit[]): void;
  remove(name: string): void;
  override(overrides: readonly Override[]): void;
  removeOverride(limit: string, subject: string): void;
  /** Take over all limits of a store's space; from then on only this changes them. */
  load(view: { readonly rate: Rate<true> }): Promise<void>;
  load(view: { readonly rate: Rate<false> }): void;
  take(requests: readonly Request[]): Decision;
  peek(requests: readonly Request[]): Decision;
  /** take() for who only wants to know whether. */
  allows(requests: readonly Request[]): boolean;
  refund(decision: Decision, requests?: readonly Request[]): void;
  refund(token: string, requests: readonly Request[]): void;
  release(decision: Decision, requests?: readonly Request[]): void;
  release(token: string, requests: readonly Request[]): void;
  renew(decision: Decision, requests?: readonly Request[]): void;
  renew(token: string, requests: readonly Request[]): void;
  reset(requests: readonly Request[]): void;
  /** For tests; null lets it run again. */
  freezeClock(nowUs: Us | null): void;
  /** Calls that run finish first, later ones fail. Idempotent. */
  close(): void;
}

export interface IdempotencyOptions {
  /** How long a claim is held; 60 s. */
  lockUs?: Us;
  /** How long an answer is kept; 72 h. */
  retentionUs?: Us;
}

/** What begin() found. With the outcome EXECUTE: do the work from `step`, then finish(). */
export class Claim<IsAsync extends boolean = true> {
  private constructor();
  /** Of `Outcome`. */
  readonly outcome: number;
  /** The last step recorded, by this claim too. */
  readonly step: number;
  /** REPLAY: the code of the answer. */
  readonly code: number;
  /** REPLAY: the answer; EXECUTE: what the last step before this begin recorded. */
  readonly data: Buffer | null;
  /** IN_PROGRESS: until the other caller's claim ends. */
  readonly retryAfterUs: bigint;
  /** Record how far the work came, with what the next step needs; renew the claim. */
  advance(step: number, data?: Uint8Array): Answer<IsAsync, void>;
  /** Record the answer: from now on the key replays it. */
  finish(code: number, data?: Uint8Array): Answer<IsAsync, void>;
  /** Give the claim up, so that the next caller may execute at once. */
  release(): Answer<IsAsync, void>;
}

export interface Idempotency<IsAsync extends boolean> {
  /** Claim a key, or learn what became of it. `data` is the request, the same for each repeat. */
  begin(owner: string, key: string, operation: string, data?: Uint8Array,
    options?: IdempotencyOptions): Answer<IsAsync, Claim<IsAsync>>;
}

/** Who has which role, until when (0n: for good), since when. */
export interface Grant {
  subject: string;
  /** Of `Role`. */
  role: number;
  expiresUs: bigint;
  grantedUs: bigint;
  /** '' when the service granted it. */
  grantedBy: string;
}

export interface Question {
  entity: string;
  /** Of `Operation`. */
  operation: number;
}

export interface Roles<IsAsync extends boolean> {
  /** Found an entity with its first owner. Only the service may. */
  found(entity: string, owner: string): Answer<IsAsync, void>;
  /** Grant a role, or change until when it holds. */
  grant(entity: string, subject: string, role: number, expiresUs?: Us): Answer<IsAsync, void>;
  /** Take a role away, effective with the next call of anyone. */
  revoke(entity: string, subject: string, role: number): Answer<IsAsync, void>;
  /** Returns when the actor may; throws FARM_EDENIED, with its reason, when he may not. */
  check(entity: string, operation: number): Answer<IsAsync, void>;
  /** Whether the actor may, for many in one round trip. */
  checkMany(questions: readonly Question[]): Answer<IsAsync, boolean[]>;
  /** One page of list(). */
  page(entity: string, options?: { after?: Pick<Grant, 'subject' | 'role'> | null;
    capacity?: number }): Answer<IsAsync, Grant[]>;
  /** Who has which role, in the order of subject and role, read `capacity` (200) at a time. */
  list(entity: string, options?: { capacity?: number }): Rows<IsAsync, Grant>;
}

/** What a statement of your own is given and answers. */
export type Value = bigint | string | Buffer | null;
export type Parameter = bigint | number | string | Uint8Array | null;

export interface Health {
  ok: boolean;
  latency_ms: number;
  version: string;
  backend: string;
  schema: number;
  /** When it is not ok: what a person is told, and the status that stood behind it, if any. */
  error?: string;
  status?: FarmErrorCode;
}
export interface Verification {
  ok: boolean;
  checks: { name: string; violations: number; found?: unknown[] }[];
}
export interface Maintenance {
  isDone: boolean;
  removedCount: bigint;
}

export interface TransactionOptions {
  /** On whose behalf; as the view. */
  actor?: string | null;
  /** As the service. */
  service?: boolean;
  timeoutUs?: Us;
}

/** A store as one actor sees it. Views are cheap, and may be kept. */
export class View<IsAsync extends boolean = true> {
  protected constructor();
  readonly rate: Rate<IsAsync>;
  readonly idempotency: Idempotency<IsAsync>;
  readonly roles: Roles<IsAsync>;
  readonly ledger: Ledger<IsAsync>;
  /** The same on behalf of a user; null: of nobody. */
  as(actor: string | null): View<IsAsync>;
  /** The same as the service itself, which sees and may do everything. */
  readonly service: View<IsAsync>;
  /** The same with a time limit for each call; -1: none. */
  within(timeoutUs: Us): View<IsAsync>;
  /** The same without promises, on this thread. */
  readonly sync: View<false>;
  /** One statement of your own; ?1, ?2 … on SQLite, $1, $2 … on Postgres. */
  execute(statement: string, parameters?: readonly Parameter[]): Answer<IsAsync, Value[][]>;
  /** Bring the store's schema up to this library. */
  migrate(): Answer<IsAsync, void>;
  /** Whether the store answers within the gate (0.5 s). A store that is down is an answer, too. */
  health(timeoutUs?: Us): Answer<IsAsync, Health>;
  /** Recompute from the rows what must never be false. Only the service may. */
  verify(): Answer<IsAsync, Verification>;
  /** Remove up to `budget` expired rows. Only the service may. */
  maintain(budget: Int64): Answer<IsAsync, Maintenance>;
  /** Say that topics changed: who watches them learns of it at the commit. */
  signal(...topics: Topic[]): Answer<IsAsync, void>;
  /** The store's time in microseconds since 1970 UTC. */
  nowUs(): Answer<IsAsync, bigint>;
  /** A UUIDv7 as 36 characters, greater than every one that this process made before. */
  newId(): Answer<IsAsync, string>;
  /** Committed when the work is done, rolled back when it throws; answers what it answers. */
  transaction<T>(work: (tx: Transaction<IsAsync>) => Answer<IsAsync, T>,
    options?: TransactionOptions): Answer<IsAsync, T>;
}

/** One session with a transaction that every call joins, one call after another. */
export class Transaction<IsAsync extends boolean = true> extends View<IsAsync> {
  private constructor();
  /** Freeze the transaction's clock; null lets it run again. */
  freezeClock(nowUs: Us | null): void;
  /** Make the call that runs, if any, end with FARM_ETIMEOUT. */
  interrupt(): void;
}

export interface StoreOptions {
  /** On whose behalf, when no view says; nobody. */
  actor?: string | null;
  /** The owner of definitions such as limits. */
  space?: string;
  /** For connecting and for each call; 30 s; -1: no limit. */
  timeoutUs?: Us;
  /** How often to try what meets FARM_EAGAIN; 8. */
  tries?: number;
  /** Connections at most; 8. */
  sessions?: number;
  /** A connection unused for longer is checked before it is used; 10 s; -1: never. */
  idleUs?: Us;
}

/** A topic: its owner, its name. */
export type Topic = readonly [owner: string, name: string];

/** Topics that somebody waits for. One next() at a time. */
export class Watch {
  private constructor();
  /**
   * Wait until topics change, and answer which; none when the time is over. The first wait answers
   * all at once: look at what is there, then wait again. Without a time: no limit.
   */
  next(timeoutUs?: Us): Promise<Topic[]>;
}

/** An open store; every call answers with a promise. */
export class Store extends View<true> {
  private constructor();
  static open(uri: string, options?: StoreOptions): Promise<Store>;
  /** Topics to wait for. The service's: the host decides who may. */
  watch(...topics: Topic[]): Watch;
  /** Freeze the clock of every call from now on; null lets it run again. */
  freezeClock(nowUs: Us | null): void;
  /** Close; calls that run finish first. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An open store whose calls run on the thread of the event loop: for local SQLite files. */
export class SyncStore extends View<false> {
  private constructor();
  static open(uri: string, options?: StoreOptions): SyncStore;
  /** As of a Store: a wait is a promise here, too. */
  watch(...topics: Topic[]): Watch;
  /** Freeze the clock of every call from now on; null lets it run again. */
  freezeClock(nowUs: Us | null): void;
  close(): void;
  [Symbol.dispose](): void;
}

/** When a breaker opens and for how long; what is left out is the default of breaker.h. */
export interface BreakerOptions {
  /** Failures in a row that open it; 5; -1: never. */
  consecutiveCount?: number;
  /** Of the calls in the window; 50; -1: never. */
  failurePercent?: number;
  /** Likewise of slow calls; 50. */
  slowPercent?: number;
  /** Calls in the window before a percentage counts; 20. */
  minimumCount?: number;
  /** The window moves on by a bucket; 10. */
  bucketCount?: number;
  /** The window is so many calls rather than a span of time. */
  windowCount?: number;
  /** Half-open: probes at once, and successes that close it; 3. */
  probeCount?: number;
  /** An open time is shorter by up to this part, at random; 20; -1: none. */
  jitterPercent?: number;
  /** 10 s. */
  windowUs?: Us;
  /** A call that takes longer is slow; none is. */
  slowUs?: Us;
  /** The first open time, doubled each time that probes fail; 5 s. */
  openUs?: Us;
  /** The longest; 60 s. */
  openMaxUs?: Us;
  /** A probe that is not reported for so long gives its place back; 30 s. */
  probeUs?: Us;
}

/** Whether to make a call. An allowed one is to be reported, once. */
export interface Permit {
  readonly allowed: boolean;
  /** Of `BreakerState`. */
  readonly state: number;
  /** Denied: when to ask again; -1n: not before somebody sets the state; 0n when allowed. */
  readonly retryAfterUs: bigint;
}

/** A breaker as it is now; of counts, those in the window of the closed state. */
export interface BreakerView {
  key: string;
  /** Of `BreakerState`. */
  state: number;
  retryAfterUs: bigint;
  generation: bigint;
  callCount: bigint;
  failureCount: bigint;
  timedCount: bigint;
  slowCount: bigint;
  consecutiveCount: bigint;
  probeCount: bigint;
  openedCount: bigint;
  deniedCount: bigint;
  ignoredCount: bigint;
}

/** A change of state. */
export interface BreakerEvent {
  sequence: bigint;
  key: string;
  /** Of `BreakerState`. */
  before: number;
  after: number;
  /** Of `BreakerCause`. */
  cause: number;
  atUs: bigint;
  generation: bigint;
  /** Events before this one that are no more. */
  lostCount: bigint;
}

/** The call was denied and not made: the breaker is open. */
export class BreakerOpenError extends Error {
  private constructor();
  readonly code: 'FARM_BREAKER_OPEN';
  readonly key: string;
  readonly permit: Permit;
  /** Until it is worth while to ask again, rounded up; Infinity: not by itself. */
  readonly retryAfterMs: number;
}

/** One name's breaker. Nothing waits. */
export class Breaker {
  private constructor();
  readonly key: string;
  /** Ask whether to make a call, now. */
  allow(): Permit;
  /** Say how the call ended, of `CallOutcome`; without a duration it is since the permit. */
  report(permit: Permit, outcome: number, durationUs?: Us): void;
  /** Do the work, which may answer a promise, and report it; throws BreakerOpenError. */
  call<T>(work: (permit: Permit) => T): T;
  look(): BreakerView;
  /** Set a state by hand: CLOSED resets; OPEN, FORCED_OPEN, FORCED_CLOSED. */
  set(state: number): void;
}

/** A set of named breakers, bounded in number. */
export class Breakers {
  constructor(options?: BreakerOptions & { maxCount?: number; eventCount?: number });
  /** A name's breaker, with options of its own before its first use; `outcome` says what errors
   * mean. */
  get(key: string, options?: BreakerOptions & { outcome?: (error: unknown) => number }): Breaker;
  /** All breakers that were used or defined. */
  list(): BreakerView[];
  /** The changes of state after the one of that sequence. */
  events(after?: Int64, options?: { capacity?: number }): BreakerEvent[];
  /** Freeze the clock for tests; null lets it run again. */
  freezeClock(nowUs: Us | null): void;
  close(): void;
  [Symbol.dispose](): void;
}

/** What an error says of the other side, of `CallOutcome`. */
export function outcomeOf(error: unknown): number;
export function breakerStateName(state: number): string;
/** Whether a role allows an operation: the table in roles.h. */
export function roleAllows(role: number, operation: number): boolean;
export function roleName(role: number): string;
export function operationName(operation: number): string;
export const version: string;

export const RedactRules: Numbers<'EMAIL' | 'IPV4' | 'IPV6' | 'CARD' | 'IBAN' | 'SSN' | 'PEM'
  | 'URL_AUTH' | 'USER_PATH' | 'TOKEN' | 'PASSWORD' | 'MAC' | 'UUID' | 'IMEI'>;
export const RedactAction: Numbers<'REPLACE' | 'MASK' | 'HASH' | 'REMOVE'>;

/** How texts are redacted. */
export interface RedactOptions {
  /** Of `RedactRules`, together; 0: the default ones. */
  rules?: number;
  /** Of `RedactAction`. */
  action?: number;
  /** Of JSON: keys, separated by commas, whose values are left alone. */
  safeFields?: string | null;
  /** 32 bytes, of hashes. */
  key?: Buffer;
}

/** Personal data and secrets taken out of texts and JSON. */
export const redact: {
  text(data: string, options?: RedactOptions): string;
  /** The same of JSON; an error when it is none. */
  json(data: string, options?: RedactOptions): string;
};

/** Amounts of money, as whole numbers of the smallest unit. */
export const money: {
  /** The amount that a decimal text says; an error when it is none, or finer than the scale. */
  parse(text: string, scale: number): bigint;
  /** The amount with all decimal places of its scale. */
  text(amountMinor: Int64, scale: number): string;
  /** Shares by weights, each rounded toward zero; what that leaves goes to the first share. */
  split(amountMinor: Int64, weights: readonly Int64[]): bigint[];
  /** The decimal places of a currency of ISO 4217; null of one that has none, or is not in use. */
  scaleOf(currency: string): number | null;
};
