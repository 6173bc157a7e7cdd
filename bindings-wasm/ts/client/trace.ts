/**
 * The stack of a call's error, including the line that awaits the call.
 *
 * A reply is read in a turn of its own, with nothing of the caller on the stack. V8
 * includes the functions that await a promise in stacks that are captured while a job
 * runs that is about to settle it. So an error's stack is captured again, in a job of its
 * own just before. Successful calls pay nothing for this. Outside V8, an error stays as
 * it was created.
 */

import { UbiqliteError } from '../errors.js';
import type { Pending } from './call.js';

type Capture = (error: object, above?: (...values: never[]) => unknown) => void;

const capture = (Error as { captureStackTrace?: Capture }).captureStackTrace?.bind(Error);

/** Rejects the promise of `resolve` and `reject`, a few jobs later, with its awaiters on the stack of the error. */
export function rejectTraced(
  resolve: (value: PromiseLike<never>) => void,
  reject: (error: unknown) => void,
  error: unknown,
): void {
  if (capture === undefined || !(error instanceof UbiqliteError)) return reject(error);
  let begin: (() => void) | undefined;
  const begun = new Promise<void>((go) => (begin = go));
  const traced = begun.then(function rejected(): never {
    // Above this function there are only the awaiting ones.
    capture(error, rejected);
    throw error;
  });
  // First one promise waits for the other, then the other is rejected.
  resolve(traced);
  begin?.();
}

/** Rejects a call with its error. If it has a promise, the error's stack shows the functions awaiting it. */
export function rejectCall(pending: Pending, error: unknown): void {
  ofSql(error, pending.call.sql);
  // Before its promise is resolved with one that rejects.
  pending.call.trace?.failed(error);
  if (pending.promise === undefined) pending.reject(error);
  else rejectTraced(pending.resolve, pending.reject, error);
}

/**
 * Captures the stack of an error again.
 *
 * @param above the function above which the stack begins; by default the caller of this one
 */
export function retrace<E>(error: E, above: (...values: never[]) => unknown = retrace): E {
  if (error instanceof UbiqliteError) capture?.(error, above);
  return error;
}

/** The SQL that a call was given: one text, or several, by the index that an error reports. */
export type Sql = string | ((index: number) => unknown);

/** Adds the SQL of its call to the error, unless it has it already. */
export function ofSql(error: unknown, sql: Sql | undefined): void {
  if (sql === undefined || !(error instanceof UbiqliteError) || error.sql !== undefined) return;
  const value: unknown = typeof sql !== 'function' ? sql : error.index !== undefined && sql(error.index);
  // Not printed with the error: it may contain data that does not belong in logs.
  if (typeof value === 'string') Object.defineProperty(error, 'sql', { value, enumerable: false, configurable: true });
}
