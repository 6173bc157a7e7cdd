/**
 * The states of a call and of a handle: what each side knows at every moment, and therefore
 * what may be reported to a caller. Every decision about a call that does not simply get its reply is here.
 *
 * A call:
 *
 * | stage | this client knows | the engine | cancelled | engine lost |
 * |---|---|---|---|---|
 * | written | nothing of it happened | does not know of it | taken back; rejects at once | goes to the next engine; on a handle: rejects, rolled back |
 * | posted | only what its effect implies | has it queued, runs it, or has done it and the reply is on its way | by its effect, below | by its effect, below |
 * | withdrawn | posted, cancelled, and it may have happened | knows that, or will, and reports the outcome | stays as it is | as posted |
 * | doubted | posted to an engine that is gone, where it may have happened; sent to the next one to run only if it changes nothing | as posted | rejects at once, `OutcomeUnknown` | sent again |
 * | settled | what was reported to its caller | has forgotten it | nothing | nothing |
 *
 * What a posted call may have done, and what becomes of it:
 *
 * | effect | which | cancelled | engine lost |
 * |---|---|---|---|
 * | nothing | known reads, calls sent to run only if they change nothing, calls that begin something (it is dropped), rollback | rejects at once; `CANCEL` | sent again, or `Cancelled` if the engine was a lasting one; on a handle: rolled back |
 * | part | a call in a transaction: it is undone with the transaction | rejects at once, and the engine makes the transaction rollback-only if the call was done; but if the end of its handle, or of one around it, was requested after it: withdrawn | rolled back, unless the transaction's COMMIT was posted: `OutcomeUnknown` |
 * | change | everything else on the database or a session, `commit`, `release` | withdrawn | a query: doubted, unless the engine was a lasting one. Rows still missing: rolled back. A call that does no more twice than once: sent again. Otherwise `OutcomeUnknown`; a release: as part |
 *
 * A withdrawn call settles with the engine's word: its result if it was done, the caller's
 * reason if not. If the channel can tell at once that the engine will never begin it, that
 * is the word. Without a word within {@link OUTCOME_PATIENCE} milliseconds it is `OutcomeUnknown`.
 *
 * An engine that breaks reports the call that broke it, and whether that call had begun to change something. If it
 * had not, nothing of the call remains. A call that broke two engines is not sent to a third: it fails with
 * `Internal`, or with `OutcomeUnknown` if it may have changed something.
 *
 * A handle (transaction, savepoint, session, snapshot, stream):
 *
 * | stage | begins with | takes calls | the engine |
 * |---|---|---|---|
 * | open | the reply to the call that made it | yes | has it |
 * | ending | `commit`, `release`, `rollback` is written | no: `Closed` | has it until that is carried out; drops it if that is cancelled, since it was meant to end |
 * | over | its end, or that of its parent, or dropping it | no: why it ended | has it until it learns of that |
 * | lost | the loss of its engine | no: `Cancelled`, rolled back | is gone |
 *
 * - An unusable argument is refused before anything is written: the handle stays open.
 * - An end whose signal is already aborted is not written: the handle is dropped.
 */
import { UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Call, Pending } from './call.js';

/** How long to wait for the engine's word, in milliseconds. */
export const OUTCOME_PATIENCE = 5_000;

/** How long past its limit a call is left to the engine, which enforces the limit itself and knows what happened. */
export const GRACE = 1_000;

/** What a call does if it is carried out. */
export type Effect = 'nothing' | 'part' | 'change';

/** Operations that read, whatever their SQL: the engine refuses to stream a statement that writes. */
const READING: ReadonlySet<number> = new Set([
  Op.stream,
  Op.next,
  Op.more,
  Op.capabilities,
  Op.get,
  Op.select,
  Op.selectFirst,
  Op.selectCount,
  Op.selectStream,
  Op.tableStream,
  Op.touch,
  Op.check,
  Op.stats,
  Op.migrations,
  Op.stored,
]);

/** Operations that begin a watch, a commit feed or, again, an outbox. */
const FOLLOWING: readonly number[] = [Op.watch, Op.watchAll, Op.selectWatch, Op.commits, Op.outboxAgain];

/** The same, the one that also changes which tables are recorded, and the one that makes a storage. */
const LIVE: ReadonlySet<number> = new Set([...FOLLOWING, Op.outbox, Op.storage]);

/** Operations that make what lasts as long as the database: closing ends it, and does not wait for its end. */
const LASTING: ReadonlySet<number> = new Set([Op.replicate, Op.storage]);

/** Operations whose result is dropped if nobody wants it. */
const OPENING: ReadonlySet<number> = new Set([
  Op.begin,
  Op.savepoint,
  Op.snapshot,
  Op.acquire,
  // A copy is begun by the first call on it.
  Op.backup,
  Op.backupStream,
  Op.storage,
  ...FOLLOWING,
]);

/** Operations whose statements only the engine knows to read or write. */
const QUERIES: ReadonlySet<number> = new Set([Op.query, Op.queryOne, Op.queryOptional, Op.queryValue, Op.run]);

/** Whether what the operation makes lasts until the database closes. */
export function isLasting(op: number): boolean {
  return LASTING.has(op);
}

export function isQuery({ op }: Call<unknown>): boolean {
  return QUERIES.has(op);
}

/** Whether the call begins a watch, a commit feed or an outbox, or waits for what it tells next. */
export function isLive({ op, on }: Call<unknown>): boolean {
  return LIVE.has(op) || (on?.op !== undefined && LIVE.has(on.op));
}

/** Whether the call ends the handle that it is made on. */
export function isEnd({ op }: Call<unknown>): boolean {
  return op === Op.commit || op === Op.release || op === Op.rollback;
}

/** Returns what the call does if it is carried out; `reads`: it is sent to run only if it changes nothing. */
export function effectOf(call: Call<unknown>, reads: boolean): Effect {
  const { op, on } = call;
  if (reads || READING.has(op) || OPENING.has(op) || op === Op.rollback || on?.op === Op.snapshot) return 'nothing';
  if (op === Op.commit || op === Op.release) return 'change';
  return on?.transaction === undefined ? 'change' : 'part';
}

/**
 * Whether the call's bytes are kept because it may be sent again: to the next engine, unless this one is `lasting`,
 * or to the same one, if it turns out not to be a read.
 */
export function isKept({ call, effect, reads }: Pending, lasting: boolean): boolean {
  return call.on === undefined && (call.repeats === true || (lasting ? reads : effect === 'nothing' || isQuery(call)));
}

/** Whether the call may have made a lasting change, although nothing was reported to its caller yet. */
export function mayHaveHappened(pending: Pending): boolean {
  const { call, posted, effect, doubted, cleared } = pending;
  if (doubted) return true;
  if (!posted || cleared || effect === 'nothing' || call.incomplete?.() === true) return false;
  // Lasts only if its transaction does.
  if (effect === 'part' || call.op === Op.release) return call.on?.transaction?.isCommitting === true;
  return true;
}

/** What to do when a call is cancelled. */
export type CancelAction =
  /** It was not posted, so its bytes are taken back. */
  | 'takeBack'
  /** The engine is notified, and nothing that it did or does for the call stays. */
  | 'cancel'
  /** The engine is asked for the outcome. */
  | 'withdraw';

export function whenCancelled({ call, posted, effect, doubted }: Pending): CancelAction {
  if (!posted) return 'takeBack';
  if (doubted || effect === 'nothing' || call.incomplete?.() === true) return 'cancel';
  return effect === 'part' && call.on?.isEnding !== true ? 'cancel' : 'withdraw';
}

/** Returns what happens to a call whose engine is gone. */
export function whenEngineLost(pending: Pending, reason: string): 'again' | UbiqliteError {
  const { call, posted, broke, cleared, kept, effect } = pending;
  if (call.on !== undefined) return mayHaveHappened(pending) ? unknown(reason) : rolledBack(reason);
  if (broke > 1 || (cleared && !kept)) return mayHaveHappened(pending) ? unknown(reason) : broken(reason);
  if (!posted || kept) return 'again';
  if (effect === 'nothing' || call.incomplete?.() === true) {
    return errorOf({ kind: 'Cancelled', message: `${reason}; nothing was changed; repeat the call` });
  }
  return unknown(reason);
}

/** Returns the error for calls on something that was in an engine that is gone. */
export function rolledBack(reason: string): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: `${reason}; what was open in it was rolled back; begin again` });
}

/** Returns the error for a call that may or may not have been done. */
export function unknown(reason: string): UbiqliteError {
  return errorOf({
    kind: 'OutcomeUnknown',
    message: `${reason}; it is not known whether the change was committed; check, and repeat it if it was not`,
  });
}

/** Returns the error for calls on a handle whose end was cancelled. */
export function endCancelled(): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: 'ending the transaction or savepoint was abandoned, so it was rolled back' });
}

function broken(reason: string): UbiqliteError {
  return errorOf({ kind: 'Internal', message: `this call crashed the engine, so it is not repeated: ${reason}` });
}

/** Returns the error for calls after `close()`. */
export function closed(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the database is closed' });
}

/** Returns the error as one of this package; any other error is a defect. */
export function asError(error: unknown): UbiqliteError {
  return error instanceof UbiqliteError ? error : errorOf({ kind: 'Internal', message: String(error) }, { cause: error });
}
