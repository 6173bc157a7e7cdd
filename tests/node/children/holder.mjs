/** Opens a file, writes to it, and keeps it open until the parent says to close it. */

import { hear, tell, ubiqlite } from './package.mjs';

const words = hear();
const [path, journalMode] = process.argv.slice(2);
const db = await ubiqlite.open(path, journalMode ? { journalMode } : {});
await db.execute('CREATE TABLE IF NOT EXISTS held(by INTEGER)');
await db.execute('INSERT INTO held VALUES (?)', [process.pid]);
tell('holds');
await words.next();
await db.close();
tell('closed');
process.stdin.destroy();
