import { invalid } from '../errors.js';
import { limitOf } from './limits.js';

/** What every call takes as its last argument. */
export interface CallOptions {
  /**
   * Gives the call up. What has not begun never will, and what runs is stopped: it rejects with a CancelledError,
   * whose `cause` is the signal's reason, and nothing of it happened. A read rejects at once. A write that was posted
   * already waits for the engine's word: it resolves if it was done; without a word it rejects with `OutcomeUnknown`.
   */
  signal?: AbortSignal;
  /** How long the call may take, in milliseconds; then it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
}

/** Options that were looked at. @internal */
export interface Checked extends CallOptions {
  /** Why the call is not to be made. */
  refused?: unknown;
}

/** The options of a call over those of its handle; what is wrong with them refuses the call. `more`: what else it takes. @internal */
export function merged(defaults: CallOptions, own: CallOptions | undefined, more?: readonly string[]): Checked {
  if (own === undefined || own === null) return defaults;
  try {
    checkOptions(own, more);
  } catch (refused) {
    return { refused };
  }
  return { signal: own.signal ?? defaults.signal, timeout: own.timeout ?? defaults.timeout };
}

/** @throws InvalidArgumentError for what no call takes: nothing was done then. @internal */
export function checkOptions(options: object, more: readonly string[] = []): void {
  if (typeof options !== 'object') throw invalid('the options of a call are an object, such as { timeout: 1000 }');
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || more.includes(name)) continue;
    if (name === 'timeout') limitOf(value);
    else if (name === 'signal') checkSignal(value);
    else throw invalid(`a call has no option ${JSON.stringify(name)}`);
  }
}

/** Another realm's AbortSignal, or a polyfill's, is as good. */
function checkSignal(signal: unknown): void {
  const given = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof given.aborted === 'boolean' && typeof given.addEventListener === 'function' && typeof given.removeEventListener === 'function') return;
  const hint = (given as Partial<AbortController>).signal === undefined ? '' : '; of an AbortController it is its signal';
  throw invalid(`the option signal is an AbortSignal${hint}`);
}
