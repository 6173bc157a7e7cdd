import { type UbiqliteError, errorOf } from '../errors.js';
import type { Reply } from './reply.js';

/** Reads a reply whose rows of one column are values, one after another. */
export class CellReader {
  private readonly cells: readonly unknown[];
  private at = 0;

  /** @param what what the reply tells, for its errors */
  constructor(
    reply: Reply,
    private readonly what: string,
  ) {
    this.cells = reply.rows().lists<[unknown]>().map(([cell]) => cell);
  }

  get isAtEnd(): boolean {
    return this.at === this.cells.length;
  }

  /** Returns the next value. @throws `Internal` if there is none, as all methods do */
  next(): unknown {
    if (this.isAtEnd) throw this.malformed();
    this.at += 1;
    return this.cells[this.at - 1];
  }

  /** Returns the next value, `undefined` for null. */
  optional(): unknown {
    return this.next() ?? undefined;
  }

  count(): number {
    return Number(this.next());
  }

  flag(): boolean {
    return this.count() !== 0;
  }

  /** Returns the one of these whose position is the next value. */
  one<T>(of: readonly T[]): T {
    const found = of[this.count()];
    if (found === undefined) throw this.malformed();
    return found;
  }

  /** Returns what `read` returns, again and again, until all values are read. */
  all<T>(read: () => T): T[] {
    const all: T[] = [];
    while (!this.isAtEnd) all.push(read());
    return all;
  }

  private malformed(): UbiqliteError {
    return errorOf({ kind: 'Internal', message: `the engine sent ${this.what} that can't be read` });
  }
}
