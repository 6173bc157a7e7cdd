import { invalid } from '../errors.js';
import { limitOf } from './timeouts.js';

/** The options that every call takes as its last argument. */
export interface CallOptions {
  /**
   * Cancels the call. If it has not begun, it never will; if it is running, it is stopped. It rejects with a
   * CancelledError whose `cause` is the signal's reason, and nothing of it happened. A read rejects at once. A write
   * that was already posted waits for the engine's word: it resolves if it was done, and rejects with
   * `OutcomeUnknown` if no word comes.
   */
  signal?: AbortSignal;
  /** How long the call may take, in milliseconds, before it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
}

/** Options that were checked. @internal */
export interface Checked extends CallOptions {
  /** Why the call must not be made. */
  refused?: unknown;
}

/** Merges a call's options over those of its handle. Bad ones refuse the call. `more`: further options. @internal */
export function merged(defaults: CallOptions, own: CallOptions | undefined, more?: readonly string[]): Checked {
  if (own === undefined || own === null) return defaults;
  try {
    checkOptions(own, more);
  } catch (refused) {
    return { refused };
  }
  return { signal: own.signal ?? defaults.signal, timeout: own.timeout ?? defaults.timeout };
}

/** @throws InvalidArgumentError for options that no call takes, before anything is done. @internal */
export function checkOptions(options: object, more: readonly string[] = []): void {
  if (typeof options !== 'object') throw invalid('the options of a call must be an object, such as { timeout: 1000 }');
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || more.includes(name)) continue;
    if (name === 'timeout') limitOf(value);
    else if (name === 'signal') checkSignal(value);
    else throw invalid(`a call has no option ${JSON.stringify(name)}`);
  }
}

/** Checks the shape only: an AbortSignal of another realm or of a polyfill is just as good. */
function checkSignal(signal: unknown): void {
  const given = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof given.aborted === 'boolean' && typeof given.addEventListener === 'function' && typeof given.removeEventListener === 'function') return;
  const hint = (given as Partial<AbortController>).signal === undefined ? '' : '; pass the signal of an AbortController';
  throw invalid(`the option signal must be an AbortSignal${hint}`);
}
