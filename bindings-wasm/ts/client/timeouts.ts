/** Time limits, and the errors of calls that are cancelled. */
import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import type { Pending } from './call.js';
import { GRACE } from './call-state.js';

/** The longest limit that the wire can carry, which is as good as none. */
const LONGEST = 0xffffffff;

/** @throws InvalidArgumentError for anything that is not a time limit */
export function limitOf(timeout: unknown): number | undefined {
  if (timeout === undefined || timeout === Infinity) return undefined;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw invalid('a timeout must be a non-negative number of milliseconds');
  }
  return timeout >= LONGEST ? undefined : Math.ceil(timeout);
}

/** Returns when to act on the call even if the engine says nothing, by `performance.now()`. */
export function lastMoment({ deadline, posted, withdrawn }: Pending): number {
  if (withdrawn !== undefined) return withdrawn.until;
  if (deadline === undefined) return Infinity;
  return posted ? deadline + GRACE : deadline;
}

/** Returns the error for a call whose time limit passed and that changed nothing. */
export function tooLate(what = 'the call'): UbiqliteError {
  return errorOf({ kind: 'Timeout', message: `${what} took longer than its time limit; nothing was changed` });
}

/** Returns the error for a call that its caller cancelled. */
export function cancelled(signal: AbortSignal, what = 'the call was aborted'): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: what }, { cause: signal.reason });
}
