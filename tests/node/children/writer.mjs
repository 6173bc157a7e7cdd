/**
 * Inserts rows one after another, each with this writer's name and its number, and prints
 * how many were acknowledged: `path name count [transaction]`. Begins when the parent says so.
 */

import { hear, tell, ubiqlite } from './package.mjs';

const words = hear();
const [path, name, count, way] = process.argv.slice(2);
const db = await ubiqlite.open(path);
tell(`opened ${db.engine}`);
await words.next();
const began = performance.now();
for (let number = 0; number < Number(count); number += 1) {
  if (way === 'transaction') {
    await db.transaction(async (tx) => {
      const before = await tx.queryValue('SELECT count(*) FROM written WHERE by = ?', [name]);
      await tx.execute('INSERT INTO written VALUES (?, ?)', [name, before]);
    });
  } else {
    await db.execute('INSERT INTO written VALUES (?, ?)', [name, number]);
  }
}
tell(`wrote ${count} in ${(performance.now() - began).toFixed(0)}`);
await db.close();
process.stdin.destroy();
