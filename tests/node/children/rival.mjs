/** Opens a file, writes its name, and closes it, `rounds` times. All that it wrote must be there. */

import { ubiqlite } from './package.mjs';

const [path, rounds] = process.argv.slice(2);
for (let round = 0; round < Number(rounds); round += 1) {
  const db = await ubiqlite.open(path, { busyTimeout: 60_000 });
  await db.execute('CREATE TABLE IF NOT EXISTS turns(engine TEXT, pid INTEGER)');
  await db.execute('INSERT INTO turns VALUES (?, ?)', [db.engine, process.pid]);
  await db.close();
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
}
