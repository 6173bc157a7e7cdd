/** What one commit has changed in recorded tables. */
export interface OutboxBatch {
  /** Its number, for `ack`. Later batches have greater ones, and none is used twice. */
  readonly id: number;
  /** The changes, for `apply` elsewhere, in SQLite's [format of change sets](https://sqlite.org/session/changesetfmt.html). */
  readonly bytes: Uint8Array;
}
