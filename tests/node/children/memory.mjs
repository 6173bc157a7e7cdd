/**
 * Calls, or opens and closes, `times` times after a warm-up; prints the memory before and after. If
 * that is more than `most` bytes, it does so again: a leak repeats, and the heaps of threads that ran
 * beside one another for the first time do not.
 */

import { tell, ubiqlite } from './package.mjs';

const [path, way, times, most] = process.argv.slice(2);

async function memory() {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().rss;
}

async function calls(count) {
  const db = await ubiqlite.open(path, { synchronous: 'off' });
  await db.execute('CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, a)');
  await db.execute("INSERT OR IGNORE INTO t VALUES (1, 'text')");
  for (let done = 0; done < count; done += 100) {
    const work = Array.from({ length: 94 }, (_, number) => db.query('SELECT * FROM t WHERE id = ?', [number % 3]));
    work.push(db.execute("UPDATE t SET a = 'other'"), db.query('nonsense').catch(() => {}));
    const controller = new AbortController();
    work.push(db.query('WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r', [], { signal: controller.signal }).catch(() => {}));
    work.push(db.transaction((tx) => tx.execute('UPDATE t SET id = id')));
    setImmediate(() => controller.abort());
    await Promise.all(work);
    for await (const _ of db.stream('SELECT * FROM t')) break;
  }
  await db.close();
}

async function opens(count) {
  for (let done = 0; done < count; done += 1) {
    const db = await ubiqlite.open(path);
    if (done % 4 === 0) await db.queryValue('SELECT count(*) FROM sqlite_schema');
    await db.close();
  }
}

const work = way === 'calls' ? calls : opens;
// By then the heaps of the threads and of V8 have reached their size: 27 MB after 300,000 calls and after 3,000,000.
await work(way === 'calls' ? 100_000 : 1_000);
let [before, after] = [0, await memory()];
for (let round = 0; round < 4 && after - before > Number(most); round += 1) {
  before = after;
  await work(Number(times));
  after = await memory();
}
tell(`${before} ${after}`);
