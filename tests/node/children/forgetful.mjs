/** Drops a transaction that it never ended; needs --expose-gc. */

import { tell, ubiqlite } from './package.mjs';

const db = await ubiqlite.open(process.argv[2], { busyTimeout: 100 });
await db.execute('CREATE TABLE t(a)');
await (async () => {
  const tx = await db.begin();
  await tx.execute('INSERT INTO t VALUES (1)');
})();
const before = await db.execute('INSERT INTO t VALUES (2)').then(() => 'free', (error) => error.kind);
tell(`before ${before}`);
let [rounds, after] = [0, before];
while (after !== 'free' && rounds < 50) {
  rounds += 1;
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 20));
  after = await db.execute('INSERT INTO t VALUES (3)').then(() => 'free', (error) => error.kind);
}
tell(`after ${after}`);
tell(`rows ${JSON.stringify(await db.query('SELECT a FROM t'))}`);
await db.close();
