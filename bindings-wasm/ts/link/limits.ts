/** Calls that are given up: by their signal, or by their time limit. */
import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Pending } from './call.js';
import { mayBeAsked } from './lost.js';

/** The longest limit of the wire, which is as good as none. */
const LONGEST = 0xffffffff;

/** How long after its limit the engine may still answer: it keeps the time itself, and knows what happened. */
const GRACE = { harmless: 1_000, writing: 5_000 };

/** @throws InvalidArgumentError for what is no time limit */
export function limitOf(timeout: unknown): number | undefined {
  if (timeout === undefined || timeout === Infinity) return undefined;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw invalid('a timeout is a number of milliseconds, not negative');
  }
  return timeout >= LONGEST ? undefined : Math.ceil(timeout);
}

/** When the call is given up even if the engine says nothing, by `performance.now()`. */
export function lastMoment(pending: Pending): number {
  if (pending.deadline === undefined) return Infinity;
  if (!pending.posted) return pending.deadline;
  return pending.deadline + (leavesDoubt(pending) ? GRACE.writing : GRACE.harmless);
}

/** What a call that was given up for its time limit is told. */
export function tooLate(pending: Pending): UbiqliteError {
  const doubt = pending.posted && leavesDoubt(pending);
  return errorOf({
    kind: doubt ? 'OutcomeUnknown' : 'Timeout',
    message: `the call took longer than its time limit; ${doubt ? 'whether it was done is not known' : 'nothing was changed'}`,
  });
}

/** Whether something may have been committed by the call. */
function leavesDoubt(pending: Pending): boolean {
  const { op, on } = pending.call;
  return op === Op.commit || (on === undefined && !mayBeAsked(pending));
}

/** The error of a call that its caller gave up. */
export function cancelled(signal: AbortSignal, what = 'the call was aborted'): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: what }, { cause: signal.reason });
}
