import { errorOf } from '../errors.js';
import type { ReplyUpdate } from '../wire/reply.js';
import type { Rows } from '../wire/rows.js';
import type { Update } from './update.js';

/** A result as it arrives, with the rows that the one before does not have. */
export type Told<T> = ReplyUpdate & { fresh: T[] };

/** The results of a query, of which each builds on the one before. */
export class Results<T> {
  private rows: readonly T[] = [];

  /** @param all reads the rows of a reply */
  constructor(readonly all: (rows: Rows) => T[]) {}

  /** Makes the next result. Rows that were there before are the same objects. */
  follow({ moment, runs, whole, fresh, ...update }: Told<T>): Update<T> {
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
    return { rows, moment, reset: whole, diff: { added, removed, updated: update.updated } };
  }
}
