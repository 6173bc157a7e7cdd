import { type UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Reply, ReplyUpdate } from '../wire/reply.js';
import type { Rows } from '../wire/rows.js';
import { Writer } from '../wire/writer.js';
import type { Call } from './call.js';
import type { EngineClient } from './engine-client.js';
import type { Checked } from './options.js';
import type { RemoteHandle } from './remote-handle.js';
import { onAbort } from './signals.js';
import { cancelled } from './timeouts.js';
import { ofSql } from './trace.js';
import type { Update } from './update.js';

/** Where requests are written that are compared and not sent. */
let draft: Writer | undefined;

/** The results of a watched query. None are queued: a reader that asks late gets the newest. */
export class LiveResults<T> {
  private rows: readonly T[] = [];
  /** The number of the last result; 0: none from this engine. */
  private number = 0;
  private handle: RemoteHandle | undefined;
  private over = false;
  private failed: UbiqliteError | undefined;
  /** The calls run one after another. */
  private turn: Promise<unknown> = Promise.resolve();
  private readonly unlisten: (() => void) | undefined;
  private readonly options: Checked;

  /** @param all reads the rows of a reply */
  constructor(
    private readonly client: EngineClient,
    private readonly call: Omit<Call<number>, 'read'>,
    private readonly all: (rows: Rows) => T[],
  ) {
    const { signal, ...options } = call.options ?? {};
    // The signal is for the whole watch, the time limit for each of its calls.
    this.options = options;
    if (signal === undefined) return;
    if (signal.aborted) this.abort(cancelled(signal));
    else this.unlisten = onAbort(signal, () => this.abort(cancelled(signal)));
  }

  /** Returns the client and its request, a character per byte. @throws why the request can't be made */
  asked(): readonly [client: object, request: string] {
    const { op, write, options } = this.call;
    if (options?.refused !== undefined) throw options.refused;
    draft ??= new Writer();
    // What is left of a request that could not be made.
    draft.cut(draft.place - draft.pending);
    draft.u8(op);
    write?.(draft);
    return [this.client, draft.take((bytes, from, to) => new TextDecoder('latin1').decode(bytes.subarray(from, to)))];
  }

  /** Returns the next result; `undefined` once the watch or the database is closed. */
  next(): Promise<Update<T> | undefined> {
    const next = this.turn.then(() => this.fetch());
    this.turn = next.catch(() => {});
    return next;
  }

  /** Ends the watch. */
  end(): void {
    if (this.over) return;
    this.over = true;
    this.unlisten?.();
    this.client.unwatch(this.stop);
    this.drop();
  }

  /** Ends the watch because the database closes. */
  private readonly stop = (): void => this.end();

  private abort(reason: UbiqliteError): void {
    if (this.over) return;
    this.failed = reason;
    this.end();
  }

  private drop(): void {
    if (this.handle !== undefined) this.client.drop(this.handle, watchOver);
  }

  private async fetch(): Promise<Update<T> | undefined> {
    for (;;) {
      if (this.over) return this.last();
      let lost: RemoteHandle | undefined;
      try {
        this.handle ??= await this.open();
        const { handle } = this;
        if (this.over) {
          this.drop();
          return this.last();
        }
        lost = handle;
        const write = (out: { u32(value: number): void }): void => out.u32(this.number);
        const update = await this.client.call({ op: Op.next, on: handle, options: this.options, write, read: (reply: Reply) => reply.update(this.all) });
        if (update === undefined) {
          this.client.release(handle, watchOver);
          this.end();
          return undefined;
        }
        return this.take(update);
      } catch (error) {
        if (this.over) return this.last();
        if (lost !== undefined && this.client.isLost(lost)) {
          // The next engine knows nothing of this watch.
          this.handle = undefined;
          this.number = 0;
          continue;
        }
        ofSql(error, this.call.sql);
        if (!(error instanceof Error && 'kind' in error && error.kind === 'Timeout')) this.end();
        throw error;
      }
    }
  }

  /** What a call on a watch that is over returns, once. */
  private last(): undefined {
    const { failed } = this;
    this.failed = undefined;
    if (failed !== undefined) throw failed;
    return undefined;
  }

  private open(): Promise<RemoteHandle> {
    this.client.watch(this.stop);
    return this.client.openHandle({ ...this.call, options: this.options });
  }

  private take(update: ReplyUpdate & { fresh: T[] }): Update<T> {
    const { moment, number, runs, whole, fresh } = update;
    const before = whole ? [] : this.rows;
    const rows: T[] = [];
    let next = 0;
    for (const [from, count] of runs) {
      const source = from === undefined ? fresh : before;
      const start = from ?? next;
      if (start + count > source.length) throw errorOf({ kind: 'Internal', message: 'the engine sent a result that does not follow the one before' });
      for (let at = start; at < start + count; at += 1) rows.push(source[at] as T);
      if (from === undefined) next += count;
    }
    // Of a result that does not follow the one before, all rows are new, and all of that are gone.
    const added = whole ? rows.map((_, at) => at) : update.added;
    const removed = whole ? this.rows.map((_, at) => at) : update.removed;
    this.rows = rows;
    this.number = number;
    return { rows, moment, reset: whole, diff: { added, removed, updated: update.updated } };
  }
}

function watchOver(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the watch has ended' });
}
