/** The rows of a result that differ from the result before, by position. */
export interface Diff {
  /** The positions of new rows in this result. */
  readonly added: readonly number[];
  /** The positions of rows that are gone, in the result before. */
  readonly removed: readonly number[];
  /** The positions of rows with other values in this result. Without a key there are none. */
  readonly updated: readonly number[];
}

/** One result of a watched query. */
export interface Update<T> {
  /** The rows. Those that are the same as in the result before are the same objects. */
  readonly rows: readonly T[];
  /** What differs from the result before; of the first result, all rows are added. */
  readonly diff: Diff;
  /** How many commits the result is known to contain, since the engine's first watch. */
  readonly moment: number;
  /**
   * Whether the rows are all new objects, because it is the first result, the first from another engine, or the first
   * after a call that was given up when its result was on its way.
   */
  readonly reset: boolean;
}

/** One result of each of several watched queries, in their order; all have the same `moment` and the same `reset`. */
export type Updates<T extends readonly unknown[]> = { readonly [K in keyof T]: Update<T[K]> };
