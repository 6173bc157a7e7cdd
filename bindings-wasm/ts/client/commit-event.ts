import type { Key } from '../wire/values.js';

/** A row that a commit has changed. */
export interface ChangedRow {
  /** What happened to it. A row whose key has changed is one that is gone and one that is new. */
  readonly kind: 'insert' | 'update' | 'delete';
  /** Its primary key, or its rowid if the table has no such key: what `table().get()` takes. */
  readonly key: Key;
}

/** A table that a commit has changed. */
export interface ChangedTable {
  /** Its name, as spelled in the schema. */
  readonly name: string;
  /**
   * The rows that have changed, each once; `undefined`: any of them may have. So it is if there are more than 1024,
   * after a `DELETE` of all rows, for a virtual table, and where the engine does not report rows.
   */
  readonly rows: readonly ChangedRow[] | undefined;
}

/** What a commit has changed. Writes that share a commit are one event. */
export interface CommitEvent {
  /** How many commits the engine has counted. Each event has a larger number, until one with `reset`. */
  readonly moment: number;
  /** The tables that are known to have changed. A virtual table stands for the tables that keep its content. */
  readonly tables: readonly ChangedTable[];
  /**
   * Whether anything may have changed, also what is not among `tables`: after a commit of others, a change of the
   * schema, a statement that acts on the file as a whole, and for what was under way when this feed, or another or a
   * watch, began.
   */
  readonly everything: boolean;
  /** Whether the schema may have changed. */
  readonly schema: boolean;
  /** Whether others have committed, or may have: another process, or another engine on the file. */
  readonly external: boolean;
  /** Whether another engine has replaced the one before, after the tab or the worker that had it ended. */
  readonly reset: boolean;
}
