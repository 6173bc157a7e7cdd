/** Opens a database with the migrations of a folder when it is told to, prints what they have written, and closes it. */

import { hear, tell, ubiqlite } from './package.mjs';

const [path, migrations] = process.argv.slice(2);
const parent = hear();
tell('ready');
await parent.next();
const db = await ubiqlite.open(path, { migrations });
tell((await db.query('SELECT what FROM log ORDER BY rowid', [], { rows: 'array' })).join());
await db.close();
process.exit(0);
