import { UbiqliteError, errorOf, invalid } from '../errors.js';
import { Op } from '../wire/ops.js';
import { kindOf } from '../wire/kinds.js';
import { Writer } from '../wire/writer.js';
import type { Pending } from './call.js';
import type { RemoteHandle } from './remote-handle.js';
import { cancelled } from './timeouts.js';
import type { EngineClient } from './engine-client.js';
import type { Checked } from './options.js';
import { onAbort } from './signals.js';
import { ofSql, rejectTraced, retrace } from './trace.js';

/** A chunk is sent once it has this many rows or bytes. */
const ROWS = 1024;
const BYTES = 1 << 18;
/** How many chunks may be in flight. */
const AHEAD = 3;

/** One statement, or one insert, for many rows. */
export interface Many<R> {
  op: number;
  /** The statement, for its error. */
  sql?: string;
  on: RemoteHandle | undefined;
  options: Checked;
  /** Writes what precedes the rows. */
  head: (out: Writer) => void;
  row: (out: Writer, row: R) => void;
  rows: Iterable<R> | AsyncIterable<R>;
}

/**
 * Sends rows as fast as the engine takes them, and returns how many were changed.
 * The source may be endless: only a few chunks are held.
 *
 * If the call fails or is cancelled, the source is closed, as by leaving a `for` loop.
 * If the source fails, the call rejects with its error.
 */
export function sendMany<R>(client: EngineClient, many: Many<R>): Promise<number> {
  return new Promise((resolve, reject) => {
    let begun = false;
    const sender = new Sender(client, many as Many<unknown>, resolve, (error) => {
      ofSql(error, many.sql);
      // An error that is thrown at once already has the caller on its stack.
      if (begun) rejectTraced(resolve, reject, error);
      else reject(retrace(error, sendMany));
    });
    try {
      sender.start(many.rows);
    } catch (error) {
      sender.fail(error);
    }
    begun = true;
  });
}

class Sender {
  private readonly chunk = new Writer();
  private count = 0;
  private index = 0;
  private call: Pending | undefined;
  private over = false;
  /** The source is exhausted. */
  private ended = false;
  private onTheWay = 0;
  private credited: (() => void) | undefined;
  private close: (() => unknown) | undefined;
  private unlisten: (() => void) | undefined;
  /** The request with the last rows. */
  private last: Pending | undefined;

  constructor(
    private readonly client: EngineClient,
    private readonly many: Many<unknown>,
    private readonly resolve: (changed: number) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  start(rows: unknown): void {
    // Before the source is touched.
    if (this.many.options.refused !== undefined) throw this.many.options.refused;
    const given = (rows ?? {}) as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
    if (typeof rows === 'object' && typeof given[Symbol.iterator] === 'function') {
      const iterator = (given as Iterable<unknown>)[Symbol.iterator]();
      this.close = () => iterator.return?.();
      void this.drain(iterator);
    } else if (typeof rows === 'object' && typeof given[Symbol.asyncIterator] === 'function') {
      const iterator = (given as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      this.close = () => iterator.return?.();
      this.watch();
      void this.drainSlowly(iterator);
    } else {
      throw invalid(`rows must be an array or another iterable, not ${kindOf(rows)}`);
    }
  }

  /** Fails the call. The first outcome is the one that counts. */
  fail(error: unknown): void {
    const { call } = this;
    if (this.settle(() => this.reject(error)) && call !== undefined) this.client.cancelCall(call, invalid('its rows ended with an error'));
  }

  private settle(tell: () => void): boolean {
    if (this.over) return false;
    this.over = true;
    this.unlisten?.();
    this.shut();
    this.credited?.();
    tell();
    return true;
  }

  /** Watches the signal while the source has not yielded anything yet. */
  private watch(): void {
    const signal = this.many.options.signal;
    if (!signal) return;
    if (signal.aborted) throw cancelled(signal);
    this.unlisten = onAbort(signal, () => {
      // The call has the signal too, and knows its own outcome.
      if (this.call === undefined) this.fail(cancelled(signal));
    });
  }

  private async drain(iterator: Iterator<unknown>): Promise<void> {
    try {
      let step = this.pull(iterator);
      while (step.done !== true) {
        this.add(step.value);
        step = this.pull(iterator);
        if (step.done !== true && this.isFull) await this.send(true);
        if (this.over) break;
      }
      if (!this.over) await this.send(false);
    } catch (error) {
      this.fail(error);
    }
  }

  private async drainSlowly(iterator: AsyncIterator<unknown>): Promise<void> {
    try {
      let step = await this.pull(iterator);
      while (step.done !== true && !this.over) {
        this.add(step.value);
        step = await this.pull(iterator);
        if (step.done !== true && this.isFull) await this.send(true);
      }
      if (!this.over) await this.send(false);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes the next row. An error of the source means that it is already closed. */
  private pull<T>(iterator: { next(): T }): T {
    try {
      const step = iterator.next();
      if (isThenable(step)) step.then(undefined, () => (this.close = undefined));
      return step;
    } catch (error) {
      this.close = undefined;
      throw error;
    }
  }

  /** Closes the source, unless it is exhausted. */
  private shut(): void {
    const { close } = this;
    this.close = undefined;
    if (close === undefined || this.ended) return;
    try {
      // Nobody waits for it, and nobody else could handle what it throws.
      void Promise.resolve(close()).catch(() => {});
    } catch {
      // The call already has an error.
    }
  }

  private get isFull(): boolean {
    return this.count >= ROWS || this.chunk.pending >= BYTES;
  }

  private add(row: unknown): void {
    if (this.count === 0) this.chunk.u32(0);
    indexed(this.index, () => this.many.row(this.chunk, row));
    this.count += 1;
    this.index += 1;
  }

  /** Sends the chunk, and waits until there is room for another. */
  private async send(more: boolean): Promise<void> {
    if (!more) this.ended = true;
    if (this.count === 0) this.chunk.u32(0);
    const { chunk } = this;
    chunk.setU32(chunk.place - chunk.pending, this.count);
    const bytes = chunk.take((bytes, from, to) => bytes.slice(from, to));
    this.count = 0;
    if (this.call === undefined) this.first(more, bytes);
    else this.next(this.call, more, bytes);
    while (more && this.onTheWay >= AHEAD && !this.over) {
      await new Promise<void>((resolve) => (this.credited = resolve));
    }
    // Lets this turn's message leave before the next chunk is made.
    await undefined;
  }

  private first(more: boolean, bytes: Uint8Array): void {
    const { op, on, options, head } = this.many;
    const write = (out: Writer): void => {
      head(out);
      out.raw(bytes);
    };
    this.call = this.client.begin(
      { op, on, options, more, write, incomplete: () => !this.isSent, read: (reply) => reply.count() },
      (changed) => this.settle(() => this.resolve(changed as number)),
      (error) => this.settle(() => this.reject(error)),
    );
    if (!more) this.last = this.call;
  }

  /** Whether an engine may have received all rows. */
  private get isSent(): boolean {
    return this.last?.posted === true;
  }

  private next(part: Pending, more: boolean, bytes: Uint8Array): void {
    if (!this.client.isPending(part)) return;
    this.onTheWay += 1;
    const taken = (): void => {
      this.onTheWay -= 1;
      this.credited?.();
    };
    // A chunk that is not taken belongs to a call that is over and has reported why.
    const call = { op: Op.more, part, more, write: (out: Writer) => out.raw(bytes), read: () => undefined };
    const sent = this.client.begin(call, taken, taken);
    if (!more) this.last = sent;
  }
}

function isThenable(step: unknown): step is PromiseLike<unknown> {
  return typeof (step as Partial<PromiseLike<unknown>> | undefined)?.then === 'function';
}

/** Adds the index to the error that refuses an item of a list. */
export function indexed(index: number, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof UbiqliteError) || error.index !== undefined) throw error;
    throw errorOf({ kind: error.kind, message: error.message, index });
  }
}
