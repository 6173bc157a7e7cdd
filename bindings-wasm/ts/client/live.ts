import { type UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import type { Call } from './call.js';
import type { EngineClient } from './engine-client.js';
import type { Checked } from './options.js';
import type { RemoteHandle } from './remote-handle.js';
import { onAbort } from './signals.js';
import { cancelled } from './timeouts.js';
import { ofSql } from './trace.js';

/**
 * What the engine tells of changes, one thing after another, to whoever asks. What was sent and given up on its way
 * is sent again: each call tells the engine the number of the last one that arrived.
 */
export abstract class Live<Told extends { readonly number: number }, Item> {
  /** The number of the last one; 0: none from this engine. */
  private number = 0;
  private handle: RemoteHandle | undefined;
  private opening: Promise<RemoteHandle> | undefined;
  private over = false;
  private failed: UbiqliteError | undefined;
  /** The calls run one after another. */
  private turn: Promise<unknown> = Promise.resolve();
  private readonly unlisten: (() => void) | undefined;
  private forget: (() => void) | undefined;
  private readonly options: Checked;

  constructor(
    protected readonly client: EngineClient,
    protected readonly call: Omit<Call<number>, 'read'>,
    /** What it is, for errors. */
    private readonly name: string,
  ) {
    const { signal, ...options } = call.options ?? {};
    // The signal is for all of it, the time limit for each of its calls.
    this.options = options;
    if (signal === undefined) return;
    if (signal.aborted) this.abort(cancelled(signal));
    else this.unlisten = onAbort(signal, () => this.abort(cancelled(signal)));
  }

  /** Reads a reply; `undefined`: it was the last. */
  protected abstract read(reply: Reply): Told | undefined;

  /** Makes what is returned. */
  protected abstract take(told: Told): Item;

  /** What is to be returned first of an engine that has replaced another. */
  protected begunAgain(): Item | undefined {
    return undefined;
  }

  /** Returns the next one; `undefined` once it or the database is closed. */
  next(): Promise<Item | undefined> {
    // Requested before anything that the caller requests after this call.
    if (this.handle === undefined && !this.over) this.open().catch(() => {});
    const next = this.turn.then(() => this.fetch());
    this.turn = next.catch(() => {});
    return next;
  }

  /** Ends it. */
  end(): void {
    if (this.over) return;
    this.over = true;
    this.unlisten?.();
    this.forget?.();
    this.drop();
  }

  private abort(reason: UbiqliteError): void {
    if (this.over) return;
    this.failed = reason;
    this.end();
  }

  private drop(): void {
    if (this.handle !== undefined) this.client.drop(this.handle, this.ended);
    // What is on its way is dropped when it arrives.
    else void this.opening?.then((handle) => this.client.drop(handle, this.ended)).catch(() => {});
  }

  private async fetch(): Promise<Item | undefined> {
    let replaced = false;
    for (;;) {
      if (this.over) return this.last();
      let lost: RemoteHandle | undefined;
      try {
        if (this.handle === undefined) {
          // Both at once, so that a call in between does not open another.
          try {
            this.handle = await this.open();
          } finally {
            this.opening = undefined;
          }
        }
        const { handle } = this;
        if (this.over) {
          this.drop();
          return this.last();
        }
        const first = replaced ? this.begunAgain() : undefined;
        if (first !== undefined) return first;
        lost = handle;
        const write = (out: { u32(value: number): void }): void => out.u32(this.number);
        const told = await this.client.call({ op: Op.next, on: handle, options: this.options, write, read: (reply: Reply) => this.read(reply) });
        if (told === undefined) {
          this.client.release(handle, this.ended);
          this.end();
          return undefined;
        }
        const item = this.take(told);
        this.number = told.number;
        return item;
      } catch (error) {
        if (this.over) return this.last();
        if (lost !== undefined && this.client.isLost(lost)) {
          // The next engine knows nothing of it.
          this.handle = undefined;
          this.number = 0;
          replaced = true;
          continue;
        }
        ofSql(error, this.call.sql);
        if (!(error instanceof Error && 'kind' in error && error.kind === 'Timeout')) this.end();
        throw error;
      }
    }
  }

  /** What a call returns when it is over, once. */
  private last(): undefined {
    const { failed } = this;
    this.failed = undefined;
    if (failed !== undefined) throw failed;
    return undefined;
  }

  private open(): Promise<RemoteHandle> {
    if (this.opening === undefined) {
      this.forget = this.client.atClose.add(() => this.end());
      this.opening = this.client.openHandle({ ...this.call, options: this.options });
    }
    return this.opening;
  }

  private readonly ended = (): UbiqliteError => errorOf({ kind: 'Closed', message: `the ${this.name} has ended` });
}

/** Returns what a loop over a watch or a feed reads: an error ends it, since a loop does not. */
export function loop<Item>(live: AsyncIterableIterator<Item, undefined>): AsyncIterableIterator<Item, undefined> {
  const end = () => live.return?.() ?? Promise.resolve({ done: true as const, value: undefined });
  return {
    async next() {
      try {
        return await live.next();
      } catch (error) {
        await end();
        throw error;
      }
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
