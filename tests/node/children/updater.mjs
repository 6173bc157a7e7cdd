/**
 * Updates every row repeatedly, with a cache that is much smaller than the rows, so
 * that pages are written long before the commit. Prints each version once it is
 * committed. Runs until it is killed.
 */

import { tell, ubiqlite } from './package.mjs';

const [path, journalMode] = process.argv.slice(2);
const db = await ubiqlite.open(path, { journalMode, cacheKib: 16 });
let version = await db.queryValue('SELECT max(version) FROM t');
tell('ready');
for (;;) {
  version += 1;
  await db.execute('UPDATE t SET version = ?, filler = zeroblob(200 + (id + ?) % 7)', [version, version]);
  tell(version);
}
