/** Time limits, and the errors of calls that are given up. */
import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import type { Pending } from './call.js';
import { GRACE } from './course.js';

/** The longest limit of the wire, which is as good as none. */
const LONGEST = 0xffffffff;

/** @throws InvalidArgumentError for what is no time limit */
export function limitOf(timeout: unknown): number | undefined {
  if (timeout === undefined || timeout === Infinity) return undefined;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw invalid('a timeout is a number of milliseconds, not negative');
  }
  return timeout >= LONGEST ? undefined : Math.ceil(timeout);
}

/** When something is to be done about the call though the engine says nothing, by `performance.now()`. */
export function lastMoment({ deadline, posted, withdrawn }: Pending): number {
  if (withdrawn !== undefined) return withdrawn.until;
  if (deadline === undefined) return Infinity;
  return posted ? deadline + GRACE : deadline;
}

/** What a call is told whose time limit passed, and of which nothing happened. */
export function tooLate(what = 'the call'): UbiqliteError {
  return errorOf({ kind: 'Timeout', message: `${what} took longer than its time limit; nothing was changed` });
}

/** The error of a call that its caller gave up. */
export function cancelled(signal: AbortSignal, what = 'the call was aborted'): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: what }, { cause: signal.reason });
}
