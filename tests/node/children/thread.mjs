/** Writes to a file, as a thread (`workerData`) or as a process of a cluster (arguments). */

import { parentPort, workerData } from 'node:worker_threads';

import { ubiqlite } from './package.mjs';

const [path, many] = process.argv.slice(2);
const data = workerData ?? { path, by: process.pid, count: Number(many) };
const db = await ubiqlite.open(data.path, { busyTimeout: 60_000 });
if (data.way === 'transaction') {
  const transaction = await db.begin();
  await transaction.execute('INSERT INTO t VALUES (9, 9)');
  parentPort.postMessage('begun');
  await new Promise(() => setInterval(() => {}, 1000));
}
for (let number = 0; number < data.count; number += 1) await db.execute('INSERT INTO t VALUES (?, ?)', [data.by, number]);
await db.close();
process.disconnect?.();
