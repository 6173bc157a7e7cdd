/** Starts threads that work, and terminates them in the middle: `path way rounds`. */

import { writeSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

if (isMainThread) {
  const [path, way, rounds] = process.argv.slice(2);
  for (let round = 0; round < Number(rounds); round += 1) {
    const workers = [0, 1].map(() => new Worker(fileURLToPath(import.meta.url), { workerData: { path, way } }));
    await Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))));
    await new Promise((resolve) => setTimeout(resolve, (round * 3) % 25));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  // Remaining threads of the library continue without their environment.
  await new Promise((resolve) => setTimeout(resolve, 200));
  writeSync(1, 'over\n');
} else {
  const { ubiqlite } = await import('./package.mjs');
  const { work } = await import('./work.mjs');
  await work(ubiqlite, workerData.path, workerData.way, () => parentPort.postMessage('begun'));
}
