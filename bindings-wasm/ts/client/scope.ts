/** One signal and one time limit, shared by several calls and the caller's own code between them. */
import type { UbiqliteError } from '../errors.js';
import { cancelled, limitOf, tooLate } from './timeouts.js';
import type { CallOptions, Checked } from './options.js';
import { onAbort } from './signals.js';

/** The longest possible timer. */
const LONGEST = 2 ** 31 - 1;

export class Scope {
  private readonly signal: AbortSignal | undefined;
  private readonly deadline: number | undefined;

  /**
   * @param what the thing that is cancelled, for messages
   * @throws the error that refuses the options
   */
  constructor(
    { signal, timeout, refused }: Checked,
    private readonly what: string,
  ) {
    if (refused !== undefined) throw refused;
    const limit = limitOf(timeout);
    this.signal = signal;
    this.deadline = limit === undefined ? undefined : performance.now() + limit;
  }

  /** Returns the options of the next call: the signal, and the time that is left. */
  rest(): CallOptions {
    const { signal, deadline } = this;
    return { signal, timeout: deadline === undefined ? undefined : Math.max(0, deadline - performance.now()) };
  }

  /** Why nothing more may be done, if it was aborted or its time is up. */
  get over(): UbiqliteError | undefined {
    if (this.signal?.aborted === true) return cancelled(this.signal, `${this.what} was aborted`);
    if (this.deadline !== undefined && performance.now() >= this.deadline) return tooLate(this.what);
    return undefined;
  }

  /**
   * Calls `heard` with the reason, once, when it is over. That may be at once.
   *
   * @returns a function that ends the watching
   */
  watch(heard: (reason: UbiqliteError) => void): () => void {
    const { signal, deadline } = this;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let unlisten: (() => void) | undefined;
    const end = (): void => {
      clearTimeout(timer);
      unlisten?.();
    };
    const look = (): void => {
      const { over } = this;
      if (over === undefined) {
        wait();
        return;
      }
      end();
      heard(over);
    };
    const wait = (): void => {
      if (deadline === undefined) return;
      timer = setTimeout(look, Math.min(LONGEST, Math.max(0, Math.ceil(deadline - performance.now()))));
      // In Node, this timer must not keep the process alive.
      (timer as { unref?: () => void }).unref?.();
    };
    if (signal !== undefined) unlisten = onAbort(signal, look);
    look();
    return end;
  }
}
