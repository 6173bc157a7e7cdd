/** Inserts rows, one after another or all at once; for counting system calls. */

import { ubiqlite } from './package.mjs';

const [path, way, many, synchronous] = process.argv.slice(2);
const db = await ubiqlite.open(path, synchronous ? { synchronous } : {});
await db.execute('CREATE TABLE t(a)');
const insert = (_, number) => db.execute('INSERT INTO t VALUES (?)', [number]);
if (way === 'at once') await Promise.all(Array.from({ length: Number(many) }, insert));
else for (let number = 0; number < Number(many); number += 1) await insert(undefined, number);
await db.close();
