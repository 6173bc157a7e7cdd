// @journeyapps/wa-sqlite on its OPFSCoopSyncVFS, as it is meant: tabs take turns with the
// file, which EXCLUSIVE locking, and with it WAL, would forbid.

import * as sql from '../../js/sql.mjs';
import { subject } from '../rpc.mjs';

const worker = () =>
  new Worker(new URL('../workers/wa-sqlite.mjs', import.meta.url), { type: 'module' });

export const { open, slowness } = subject(worker, {
  sql,
  slowness: 2,
  options: { vfs: 'OPFSCoopSyncVFS' },
});
