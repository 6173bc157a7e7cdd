// @journeyapps/wa-sqlite on its OPFSCoopSyncVFS, as intended: tabs take turns with the
// file, which EXCLUSIVE locking, and therefore WAL, would prevent.

import * as sql from '../../js/sql.mjs';
import { subject } from '../rpc.mjs';

const worker = () =>
  new Worker(new URL('../workers/wa-sqlite.mjs', import.meta.url), { type: 'module' });

export const { open, slowness } = subject(worker, {
  sql,
  slowness: 2,
  options: { vfs: 'OPFSCoopSyncVFS' },
});
