// The official build with WAL and EXCLUSIVE locking.

import * as sql from '../../js/sql.mjs';
import { subject } from '../rpc.mjs';

const worker = () =>
  new Worker(new URL('../workers/official.mjs', import.meta.url), { type: 'module' });

export const { open, slowness } = subject(worker, { sql, slowness: 2, options: { wal: true } });
