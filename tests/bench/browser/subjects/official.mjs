// The official build with the settings that opfs-sahpool comes with.

import * as sql from '../../js/sql.mjs';
import { subject } from '../rpc.mjs';

const worker = () =>
  new Worker(new URL('../workers/official.mjs', import.meta.url), { type: 'module' });

export const { open, slowness } = subject(worker, { sql, slowness: 2 });
