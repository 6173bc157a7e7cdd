/** The same updates as ../children/updater.mjs, with node-sqlite3-wasm. Runs until it is killed. */

import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Database } = createRequire(import.meta.url)('node-sqlite3-wasm');

const db = new Database(process.argv[2]);
db.exec('PRAGMA journal_mode = DELETE; PRAGMA cache_size = -16');
let { version } = db.get('SELECT max(version) AS version FROM t');
writeSync(1, 'ready\n');
for (;;) {
  version += 1;
  db.run('UPDATE t SET version = ?, filler = zeroblob(200 + (id + ?) % 7)', [version, version]);
  writeSync(1, `${version}\n`);
}
