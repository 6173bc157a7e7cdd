import { Pages } from '../client/pages.js';
import type { Writer } from '../wire/writer.js';
import { type RowOptions, ROWS, shapeOf } from './rows.js';
import type { CallTarget, Row } from './statements.js';

/**
 * The rows of a running query, one after another. The query runs a little ahead of the
 * loop and ends with it: at the last row, at `break`, or at an exception. Errors of the
 * query are reported when the stream is read.
 */
export class RowStream<T = Row> implements AsyncIterableIterator<T, undefined, unknown>, AsyncDisposable {
  private readonly pages: Pages<T>;

  /** @internal */
  constructor(target: CallTarget, op: number, write: (out: Writer) => void, options: RowOptions | undefined, sql?: string) {
    this.pages = new Pages(target.client, { op, on: target.handle, write, sql, options: target.options(options, ROWS) }, shapeOf(options).all<T>);
  }

  /** Returns the next row. Calls may overlap: each gets its row in the order of the calls. */
  next(): Promise<IteratorResult<T, undefined>> {
    return this.pages.next();
  }

  /** Ends the query before its last row. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.pages.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Returns all remaining rows at once. */
  async toArray(): Promise<T[]> {
    const all: T[] = [];
    for (;;) {
      const rows = await this.pages.rest();
      if (rows.length === 0) return all;
      for (const row of rows) all.push(row);
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
