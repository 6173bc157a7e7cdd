import { type UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Call, Pending } from './call.js';
import type { RemoteHandle } from './remote-handle.js';
import { cancelled } from './timeouts.js';
import type { EngineClient } from './engine-client.js';
import type { Checked } from './options.js';
import type { Reply } from '../wire/reply.js';
import { onAbort } from './signals.js';
import { type Sql, ofSql, rejectTraced } from './trace.js';
import type { CallTrace } from './tracer.js';

/** How many pages are requested or held beyond the one being read. */
const AHEAD = 2;

/** The rows of a page, and whether it is the last. */
interface ReceivedPage<T> {
  rows: T[];
  ends: boolean;
}

interface WaitingReader<T> {
  resolve(result: IteratorResult<T, undefined> | PromiseLike<never>): void;
  reject(error: unknown): void;
}

/** The rows of a running query, page by page, a few pages ahead of the reader. */
export class Pages<T> {
  private page: T[] = [];
  private at = 0;
  private readonly pages: T[][] = [];
  private readonly readers: WaitingReader<T>[] = [];
  private readonly asked = new Set<Pending>();
  private opening: Pending | undefined;
  private handle: RemoteHandle | undefined;
  private failed: { error: unknown } | undefined;
  private over = false;
  private readonly options: Checked;
  private readonly signal: AbortSignal | undefined;
  private readonly unlisten: (() => void) | undefined;

  private readonly sql: Sql | undefined;
  /** The trace of the whole stream, if there is one. */
  private readonly trace: CallTrace | undefined;

  /**
   * Requests that the query begins.
   *
   * @param read reads the rows of a page
   */
  constructor(
    private readonly client: EngineClient,
    call: Omit<Call<number>, 'read'>,
    private readonly read: (reply: Reply) => T[],
  ) {
    this.sql = call.sql;
    const { signal, ...options } = call.options ?? {};
    // The signal is for the whole stream, the time limit for each of its calls.
    this.options = options;
    if (signal?.aborted) {
      this.fail(cancelled(signal));
      return;
    }
    if (signal) {
      this.unlisten = onAbort(signal, () => this.fail(cancelled(signal)));
      this.signal = signal;
    }
    this.trace = client.tracer.begin(call.op, call.sql);
    const open = (): Pending | undefined => {
      return client.beginOpening(
        { ...call, options, trace: this.trace },
        (handle) => this.opened(handle),
        (error) => this.fail(error),
      );
    };
    this.opening = this.trace === undefined ? open() : this.trace.within(open);
  }

  /** Returns the next row. Calls get their rows in the order of the calls. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.at === this.page.length) this.turn();
    if (this.at < this.page.length && this.readers.length === 0) {
      const value = this.page[this.at];
      this.at += 1;
      return Promise.resolve({ done: false, value });
    }
    return new Promise((resolve, reject) => {
      this.readers.push({ resolve, reject });
      this.serve();
    });
  }

  /** Returns all remaining rows of the current page, or those of the next one. No rows: the query is over. */
  async rest(): Promise<T[]> {
    const { done, value } = await this.next();
    if (done) return [];
    const rows = [value, ...this.page.slice(this.at)];
    this.at = this.page.length;
    return rows;
  }

  /** Ends the query. */
  end(): void {
    this.page = [];
    this.pages.length = this.at = 0;
    this.failed = undefined;
    this.stop(streamOver);
    this.serve();
  }

  private opened(handle: RemoteHandle): void {
    this.opening = undefined;
    this.handle = handle;
    // Ended between the reply and now.
    if (this.over) this.client.drop(handle, streamOver);
    else this.ask();
  }

  private ask(): void {
    const { handle } = this;
    while (handle !== undefined && !this.over && this.asked.size + this.pages.length < AHEAD) {
      // The call may be refused before `begin` returns it.
      let call: Pending | undefined;
      const settled = (): boolean => call !== undefined && this.asked.delete(call);
      call = this.client.begin(
        { op: Op.next, on: handle, options: this.options, trace: this.trace, write: (out) => out.u32(1), read: (reply): ReceivedPage<T> => ({ ends: reply.ends, rows: this.read(reply) }) },
        (page) => {
          settled();
          this.take(page as ReceivedPage<T>);
        },
        (error) => {
          settled();
          this.fail(error);
        },
      );
      if (call === undefined) return;
      this.asked.add(call);
    }
  }

  private take({ rows, ends }: ReceivedPage<T>): void {
    if (rows.length > 0 && !this.over) {
      this.pages.push(rows);
    }
    if (ends && !this.over) {
      this.over = true;
      this.trace?.done();
      this.unlisten?.();
      if (this.handle !== undefined) this.client.release(this.handle, streamOver);
    }
    this.serve();
    this.ask();
  }

  private turn(): void {
    const page = this.pages.shift();
    if (page === undefined) return;
    this.page = page;
    this.at = 0;
    this.ask();
  }

  private fail(error: unknown): void {
    if (this.over) return;
    this.failed = { error };
    this.trace?.failed(error);
    if (this.readers.length === 0 && error instanceof Error && this.isCancelled(error)) {
      // Rows that were read ahead are no longer wanted.
      this.page = [];
      this.pages.length = this.at = 0;
    }
    this.stop(() => error as UbiqliteError);
    this.serve();
  }

  private isCancelled(error: Error): boolean {
    return this.signal?.aborted === true && error.cause === this.signal.reason;
  }

  private stop(why: () => UbiqliteError): void {
    if (this.over) return;
    this.over = true;
    // Whoever has read enough has not failed.
    this.trace?.done();
    this.unlisten?.();
    if (this.opening !== undefined) this.client.cancelCall(this.opening, why());
    if (this.handle !== undefined) this.client.drop(this.handle, why);
  }

  /** Gives the waiting readers what is available. */
  private serve(): void {
    while (this.readers.length > 0) {
      if (this.at === this.page.length) this.turn();
      if (this.at < this.page.length) {
        const value = this.page[this.at];
        this.at += 1;
        this.readers.shift()?.resolve({ done: false, value });
      } else if (this.failed !== undefined) {
        const { error } = this.failed;
        this.failed = undefined;
        ofSql(error, this.sql);
        const reader = this.readers.shift();
        if (reader !== undefined) rejectTraced(reader.resolve, reader.reject, error);
      } else if (this.over) {
        this.readers.shift()?.resolve({ done: true, value: undefined });
      } else {
        return;
      }
    }
  }
}

function streamOver(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the stream has ended' });
}
