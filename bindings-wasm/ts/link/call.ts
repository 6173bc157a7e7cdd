import type { Reply } from '../wire/reply.js';
import type { Writer } from '../wire/writer.js';
import type { Held } from './held.js';
import type { CallOptions } from './options.js';

/** A request, and what becomes of its reply. */
export interface Call<T> {
  op: number;
  /** What it is a call on; none: the database. */
  on?: Held | undefined;
  /** Writes the payload; it may be written again for another engine. */
  write?: (out: Writer) => void;
  /** Reads the reply. */
  read: (reply: Reply) => T;
  /** It only reads: after the engine was lost it is asked of the next one. */
  again?: boolean;
  /** More rows will follow. */
  more?: boolean;
  /** Rows of it are still to be sent, so it can't have been committed. */
  incomplete?: () => boolean;
  options?: CallOptions | undefined;
}

/** A request under way. */
export class Pending {
  /** It is on its way to an engine, or there. */
  posted = false;
  /** An engine was lost with it, and it is asked of another. */
  repeated = false;
  private unlisten: (() => void) | undefined;

  constructor(
    readonly id: number,
    readonly call: Call<unknown>,
    private readonly settle: { resolve: (value: unknown) => void; reject: (error: unknown) => void },
  ) {}

  /** Has something undone when this is over. */
  until(unlisten: () => void): void {
    const before = this.unlisten;
    this.unlisten = () => {
      before?.();
      unlisten();
    };
  }

  answer(reply: Reply): void {
    this.unlisten?.();
    try {
      this.settle.resolve(this.call.read(reply));
    } catch (error) {
      this.settle.reject(error);
    }
  }

  fail(error: unknown): void {
    this.unlisten?.();
    this.settle.reject(error);
  }
}
