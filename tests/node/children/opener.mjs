/** Opens and closes repeatedly, and prints what grew; needs --expose-gc. */

import { readdirSync } from 'node:fs';

import { tell, ubiqlite } from './package.mjs';

const [path, many] = process.argv.slice(2);

async function round() {
  const db = await ubiqlite.open(path);
  await db.execute('INSERT INTO t VALUES (1)');
  await db.close();
}

async function measure() {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 200));
  globalThis.gc();
  return {
    threads: readdirSync('/proc/self/task').length,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
    heapKib: Math.round(process.memoryUsage().heapUsed / 1024),
    rssKib: Math.round(process.memoryUsage.rss() / 1024),
  };
}

const db = await ubiqlite.open(path);
await db.execute('CREATE TABLE t(a)');
await db.close();
for (let count = 0; count < 100; count += 1) await round();
const before = await measure();
for (let count = 0; count < Number(many); count += 1) await round();
tell(JSON.stringify({ before, after: await measure() }));
