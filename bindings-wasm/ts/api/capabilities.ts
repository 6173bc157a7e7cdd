import type { Reply } from '../wire/reply.js';

/** What a storage backend can do. */
export interface Capabilities {
  transactions: boolean;
  cursors: boolean;
  snapshots: boolean;
  sessions: boolean;
  /** Live queries: {@link Database.watch}, {@link Database.watchAll}. */
  watches: boolean;
  /** A change of rows that a watched selection does not return does not run it again. */
  rowChanges: boolean;
  /** Changes can be recorded and applied: {@link Database.outbox}, {@link Database.apply}. */
  changesets: boolean;
  /** It can be copied and replaced: {@link Database.backup}, {@link Database.backupStream}, {@link Database.restore}. */
  backups: boolean;
  /** A replica of it can be kept up to date: {@link Database.replicate}. With Node's native engine alone. */
  replicas: boolean;
}

/** @internal */
export function capabilitiesOf(reply: Reply): Capabilities {
  const bits = reply.bits();
  return {
    transactions: (bits & 1) !== 0,
    cursors: (bits & 2) !== 0,
    snapshots: (bits & 4) !== 0,
    sessions: (bits & 8) !== 0,
    watches: (bits & 16) !== 0,
    rowChanges: (bits & 32) !== 0,
    changesets: (bits & 64) !== 0,
    backups: (bits & 128) !== 0,
    replicas: (bits & 256) !== 0,
  };
}
