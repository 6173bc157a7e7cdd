import { loop } from '../client/live.js';
import { LiveResults } from '../client/live-results.js';
import type { Update } from '../client/update.js';
import type { Params } from '../wire/values.js';
import type { Writer } from '../wire/writer.js';
import { type RowOptions, ROWS, rowsOf } from './rows.js';
import { type CallTarget, type Row, written } from './statements.js';

/** The options of a watch. */
export interface WatchOptions extends RowOptions {
  /** The column, or the columns, that tell a row from the others, for {@link Update.diff}. Default: all columns. */
  key?: string | readonly string[];
}

/** The options that a watch takes in addition to those of every call. @internal */
export const WATCH: readonly string[] = [...ROWS, 'key'];

/** What the watch of one query, {@link Watch}, and that of several, {@link WatchAll}, have in common. */
export abstract class LiveQuery<Item extends object> implements AsyncIterableIterator<Item, undefined, unknown>, AsyncDisposable {
  /** @internal */
  protected abstract readonly results: { next(): Promise<Item | undefined>; end(): void };

  /** Returns the next result. */
  async next(): Promise<IteratorResult<Item, undefined>> {
    const value = await this.results.next();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  /** Ends the watch. */
  return(): Promise<IteratorResult<Item, undefined>> {
    this.results.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /**
   * Calls `update` with each result, until the returned function is called or the database closes.
   *
   * @param failed called once if the query fails, which ends the watch. Without it, the error is thrown where nobody
   * catches it, and is reported by the platform.
   * @returns a function that ends the watch
   */
  subscribe(update: (update: Item) => void, failed?: (error: unknown) => void): () => void {
    let over = false;
    const read = async (): Promise<void> => {
      try {
        for await (const next of this) {
          // A reply that had arrived already.
          if (over) return;
          update(next);
        }
      } catch (error) {
        if (over) return;
        if (failed === undefined) throw error;
        failed(error);
      }
    };
    void read();
    return () => {
      over = true;
      this.results.end();
    };
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Item, undefined> {
    return loop(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/**
 * A live query: its results, one after another. The first is the result now; then a new one
 * follows when, and only when, it is another. Nothing runs before the watch is read, and
 * nothing is queued: a reader that asks late gets the newest. It ends with `break`, when its
 * signal is aborted, and when the database closes.
 *
 * ```ts
 * for await (const { rows, diff } of db.watch('SELECT id, name FROM items', [], { key: 'id' })) {
 *   render(rows, diff);
 * }
 * ```
 */
export class Watch<T = Row> extends LiveQuery<Update<T>> {
  /** @internal */
  protected override readonly results: LiveResults<T>;

  /** @internal */
  constructor(target: CallTarget, op: number, write: (out: Writer) => void, options: WatchOptions | undefined, sql?: string) {
    super();
    const call = { op, on: target.handle, write, sql, options: target.options(options, WATCH) };
    this.results = new LiveResults(target.client, call, rowsOf<T>(options));
  }

  /** Returns the client and what it asks the engine, the same for equal queries. @throws what refuses the query @internal */
  asked(): readonly [client: object, request: string] {
    return this.results.asked();
  }
}

/** Returns what writes a query to be watched. @internal */
export function watched(sql: string, params: Params | undefined, options: Pick<WatchOptions, 'rows' | 'key'> | undefined): (out: Writer) => void {
  const statement = written(sql, params, options);
  return (out) => {
    statement(out);
    const key = keyOf(options);
    out.u32(key.length);
    for (const column of key) out.text(column);
  };
}

function keyOf(options: WatchOptions | undefined): readonly string[] {
  const key = options?.key;
  if (key === undefined) return [];
  return typeof key === 'string' ? [key] : [...key];
}
