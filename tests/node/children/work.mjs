/** Work that never ends on its own, for environments that end in the middle of it. */

const ENDLESS = 'WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT';

export async function work(ubiqlite, path, way, begun = () => {}) {
  const db = way === 'opens' ? undefined : await ubiqlite.open(path, { busyTimeout: 60_000 });
  await db?.execute('CREATE TABLE IF NOT EXISTS t(by INTEGER, number INTEGER)');
  begun();
  for (let round = 0; ; round += 1) {
    if (way === 'reads') await Promise.all(Array.from({ length: 64 }, () => db.query('SELECT * FROM t LIMIT 10')));
    if (way === 'writes') await Promise.all(Array.from({ length: 8 }, (_, number) => db.execute('INSERT INTO t VALUES (?, ?)', [round, number])));
    if (way === 'transaction') await db.transaction((tx) => tx.execute('INSERT INTO t VALUES (1, 2)').then(() => new Promise((go) => setTimeout(go, 5))));
    if (way === 'stream') for await (const _ of db.stream(`${ENDLESS} i FROM r`));
    if (way === 'endless') await db.query(`${ENDLESS} count(*) FROM r`);
    if (way === 'opens' || way === 'closes') {
      const other = await ubiqlite.open(path, { busyTimeout: 60_000 });
      if (way === 'closes') {
        await other.execute('INSERT INTO t VALUES (3, 4)');
        await other.close();
      }
    }
  }
}
