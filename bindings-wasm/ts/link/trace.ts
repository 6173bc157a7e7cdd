/**
 * The stack of a call's error, with the line that awaits the call.
 *
 * A reply is read in a turn of its own, where nothing of the caller is on the stack.
 * V8 tells the functions that await a promise where an error's stack is captured while
 * a job runs that is about to settle that promise. So an error is captured, once more,
 * in a job of its own just before; a call that ends well costs nothing for it. Elsewhere
 * than in V8 an error is as it was made.
 */

import { UbiqliteError } from '../errors.js';
import type { Pending } from './call.js';

type Capture = (error: object, above?: (...values: never[]) => unknown) => void;

const capture = (Error as { captureStackTrace?: Capture }).captureStackTrace?.bind(Error);

/** Rejects the promise of `resolve` and `reject`, in a few jobs, with the error and whoever awaits it on its stack. */
export function rejectTraced(
  resolve: (value: PromiseLike<never>) => void,
  reject: (error: unknown) => void,
  error: unknown,
): void {
  if (capture === undefined || !(error instanceof UbiqliteError)) return reject(error);
  let begin: (() => void) | undefined;
  const begun = new Promise<void>((go) => (begin = go));
  const traced = begun.then(function rejected(): never {
    // Above this function there are only those that await.
    capture(error, rejected);
    throw error;
  });
  // First the one promise waits for the other, and then that is rejected.
  resolve(traced);
  begin?.();
}

/** Rejects a call with its error: where it has a promise, with whoever awaits that on the error's stack. */
export function rejectCall(pending: Pending, error: unknown): void {
  ofSql(error, pending.call.sql);
  if (pending.promise === undefined) pending.reject(error);
  else rejectTraced(pending.resolve, pending.reject, error);
}

/**
 * Captures the stack of an error once more.
 *
 * @param above the function above which it begins; none: where this is called
 */
export function retrace<E>(error: E, above: (...values: never[]) => unknown = retrace): E {
  if (error instanceof UbiqliteError) capture?.(error, above);
  return error;
}

/** The SQL that a call was given: one text, or several, by the place that an error tells. */
export type Sql = string | ((index: number) => unknown);

/** Has the error tell the SQL that it is of, if it does not yet. */
export function ofSql(error: unknown, sql: Sql | undefined): void {
  if (sql === undefined || !(error instanceof UbiqliteError) || error.sql !== undefined) return;
  const value: unknown = typeof sql !== 'function' ? sql : error.index !== undefined && sql(error.index);
  // Not to be printed along: it may hold what no log should.
  if (typeof value === 'string') Object.defineProperty(error, 'sql', { value, enumerable: false, configurable: true });
}
