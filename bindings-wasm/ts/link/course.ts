/**
 * The course of a call and of a handle: what each side knows at every moment, and so what a
 * caller may be told. Every decision about a call that does not simply get its answer is here.
 *
 * A call:
 *
 * | stage | this client knows | the engine | given up | engine lost |
 * |---|---|---|---|---|
 * | written | nothing of it happened | has not heard of it | taken back; rejects at once | goes to the next engine; on a handle: rejects, rolled back |
 * | posted | only what its effect tells | waits with it, runs it, has done it: its answer is on its way | by its effect, below | by its effect, below |
 * | withdrawn | posted, given up, and it may have happened | has heard that, or will: it says what became of it | stays as it is | as posted |
 * | doubted | posted to an engine that is gone, where it may have happened; asked of the next one to run only if it changes nothing | as posted | rejects at once, `OutcomeUnknown` | asked again |
 * | settled | what its caller was told | has forgotten it | nothing | nothing |
 *
 * What a posted call may have done, and what becomes of it:
 *
 * | effect | which | given up | engine lost |
 * |---|---|---|---|
 * | nothing | reads that are known as such, what is asked to run only if it changes nothing, what begins something (it is let go of), rollback | rejects at once; `CANCEL` | asked again, of a lasting engine `Cancelled`; on a handle: rolled back |
 * | part | a call in a transaction: it is undone with that | at once, and the engine spoils the transaction if it was done; but if the end of its handle, or of one around it, was asked for behind it: withdrawn | rolled back, unless the transaction's COMMIT was posted: `OutcomeUnknown` |
 * | change | all else on the database or a session, `commit`, `release` | withdrawn | a query: doubted, unless the engine was a lasting one. Rows still missing: rolled back. Else `OutcomeUnknown`; a release: as part |
 *
 * A withdrawn call settles with the engine's word: its result if it was done, its caller's
 * reason if not. Where the channel can tell at once that the engine never begins it, that is
 * the word. Without one in {@link WORD} milliseconds it is `OutcomeUnknown`.
 *
 * An engine that breaks tells by which call, and whether that had begun to change something. If not, nothing of
 * the call is there. A call that broke two engines is not asked of a third: `Internal`, or `OutcomeUnknown` if it
 * may have changed something.
 *
 * A handle (transaction, savepoint, session, snapshot, stream):
 *
 * | stage | begins with | takes calls | the engine |
 * |---|---|---|---|
 * | open | the reply to what made it | yes | has it |
 * | ending | `commit`, `release`, `rollback` is written | no: `Closed` | has it until that is carried out, and lets it go if that is given up: it was to end |
 * | over | its end, or that of what it is in, or letting go of it | no: why it ended | has it no more when it has heard so |
 * | lost | the loss of its engine | no: `Cancelled`, rolled back | is gone |
 *
 * - An argument that can't be used is refused before anything is written: the handle stays open.
 * - An end whose signal was aborted before is not written: the handle is let go of.
 */
import { UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Call, Pending } from './call.js';

/** How long the engine's word is waited for, in milliseconds. */
export const WORD = 5_000;

/** How long after its limit a call is left to the engine, which keeps the time itself and knows what happened. */
export const GRACE = 1_000;

/** What a call does, if it is carried out. */
export type Effect = 'nothing' | 'part' | 'change';

/** Operations that read whatever their text is: a stream of what writes is refused by the engine. */
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
]);

/** What they make is let go of when nobody wants it. */
const LENDING: ReadonlySet<number> = new Set([Op.begin, Op.savepoint, Op.snapshot, Op.acquire]);

/** Statements of which only the engine knows whether they read. */
const QUERIES: ReadonlySet<number> = new Set([Op.query, Op.queryOne, Op.queryOptional, Op.queryValue, Op.run]);

export function isQuery({ op }: Call<unknown>): boolean {
  return QUERIES.has(op);
}

/** Whether it ends what it is a call on. */
export function isEnd({ op }: Call<unknown>): boolean {
  return op === Op.commit || op === Op.release || op === Op.rollback;
}

/** What the call does, if it is carried out; `reads`: it is asked to run only if it changes nothing. */
export function effectOf(call: Call<unknown>, reads: boolean): Effect {
  const { op, on } = call;
  if (reads || READING.has(op) || LENDING.has(op) || op === Op.rollback || on?.op === Op.snapshot) return 'nothing';
  if (op === Op.commit || op === Op.release) return 'change';
  return on?.transaction === undefined ? 'change' : 'part';
}

/**
 * Whether the call's bytes are kept, because it may be asked again: of the next engine, unless this one is `lasting`,
 * or of the same one, if it turns out to be no read.
 */
export function isKept({ call, effect, reads }: Pending, lasting: boolean): boolean {
  return call.on === undefined && (lasting ? reads : effect === 'nothing' || isQuery(call));
}

/** Whether something of the call may be there for good, though its caller was told nothing yet. */
export function mayHaveHappened(pending: Pending): boolean {
  const { call, posted, effect, doubted, cleared } = pending;
  if (doubted) return true;
  if (!posted || cleared || effect === 'nothing' || call.incomplete?.() === true) return false;
  // Kept only with its transaction.
  if (effect === 'part' || call.op === Op.release) return call.on?.transaction?.isCommitting === true;
  return true;
}

/** What is to be done when a call is given up. */
export type Surrender =
  /** It was not posted: its bytes are taken back. */
  | 'takeBack'
  /** The engine is told, and nothing that it does or did with it stays. */
  | 'cancel'
  /** The engine is asked what became of it. */
  | 'withdraw';

export function whenGivenUp({ call, posted, effect, doubted }: Pending): Surrender {
  if (!posted) return 'takeBack';
  if (doubted || effect === 'nothing' || call.incomplete?.() === true) return 'cancel';
  return effect === 'part' && call.on?.isEnding !== true ? 'cancel' : 'withdraw';
}

/** What becomes of a call whose engine is gone. */
export function whenLost(pending: Pending, reason: string): 'again' | UbiqliteError {
  const { call, posted, broke, cleared, kept, effect } = pending;
  if (call.on !== undefined) return mayHaveHappened(pending) ? unknown(reason) : rolledBack(reason);
  if (broke > 1 || (cleared && !kept)) return mayHaveHappened(pending) ? unknown(reason) : broken(reason);
  if (!posted || kept) return 'again';
  if (effect === 'nothing' || call.incomplete?.() === true) {
    return errorOf({ kind: 'Cancelled', message: `${reason}; nothing was changed: repeat the call` });
  }
  return unknown(reason);
}

/** What calls on something are told that was in an engine that is gone. */
export function rolledBack(reason: string): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: `${reason}; what was open in it is rolled back: begin it anew` });
}

/** What is told when nobody can say whether the call was done. */
export function unknown(reason: string): UbiqliteError {
  return errorOf({
    kind: 'OutcomeUnknown',
    message: `${reason}; whether the change was committed is not known: look, and repeat it where it was not`,
  });
}

/** What calls on something are told whose end was given up. */
export function undone(): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: 'the end of the transaction or savepoint was given up, so it was rolled back' });
}

function broken(reason: string): UbiqliteError {
  return errorOf({ kind: 'Internal', message: `this call broke the engine, so it is not asked again: ${reason}` });
}

/** What calls are told after `close()`. */
export function closed(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the database is closed' });
}

/** What is no error of this package's is a defect. */
export function asError(error: unknown): UbiqliteError {
  return error instanceof UbiqliteError ? error : errorOf({ kind: 'Internal', message: String(error) }, { cause: error });
}
