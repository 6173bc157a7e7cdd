/** Opens a file, writes, and then neither closes it nor waits. */

import { tell, ubiqlite } from './package.mjs';

const [path, way] = process.argv.slice(2);
const db = await ubiqlite.open(path);
await db.execute('CREATE TABLE IF NOT EXISTS t(a)');
await db.execute('INSERT INTO t VALUES (1)');
if (way === 'transaction') {
  const tx = await db.begin();
  await tx.execute('INSERT INTO t VALUES (2)');
  globalThis.kept = tx;
}
if (way === 'unawaited') db.execute('INSERT INTO t VALUES (2)').then(() => tell('written'));
if (way === 'stream') {
  const rows = db.stream('WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r');
  await rows.next();
  globalThis.kept = rows;
}
tell('idle');
if (way === 'exit') process.exit(0);
if (way === 'throw') throw new Error('the program has a mistake');
