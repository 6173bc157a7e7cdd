import type { Cell, Source } from './source.js';

/** A query whose rows are shown. */
export interface Followed {
  readonly sql: string;
  readonly params?: readonly Cell[];
  /** The columns that tell a row from the others; none: all do. */
  readonly key?: readonly string[];
}

/** Rows to be shown. Those that have not changed are the same objects as before. */
export interface Rows {
  readonly rows: readonly (readonly Cell[])[];
  /** Those of them that are new or have changed since they were shown last. */
  readonly fresh: ReadonlySet<readonly Cell[]>;
}

/**
 * Shows the rows of a query: once, or whenever they change.
 *
 * @returns a function that ends it; nothing is called after that
 */
export function follow(db: Source, query: Followed, live: boolean, show: (rows: Rows) => void, failed: (error: unknown) => void): () => void {
  const { sql, params = [], key = [] } = query;
  if (live) {
    const watch = db.watch<Cell[]>(sql, [...params], { rows: 'array', ...(key.length > 0 ? { key } : {}) });
    return watch.subscribe(({ rows, diff, reset }) => {
      // After a change of leaders every row is a new object, and few of them have changed.
      const changed = reset ? [] : [...diff.added, ...diff.updated];
      show({ rows, fresh: new Set(changed.map((place) => rows[place] as Cell[])) });
    }, failed);
  }
  const ending = new AbortController();
  const { signal } = ending;
  db.query<Cell[]>(sql, [...params], { rows: 'array', signal }).then(
    (rows) => signal.aborted || show({ rows, fresh: new Set() }),
    (error: unknown) => signal.aborted || failed(error),
  );
  return () => ending.abort();
}
