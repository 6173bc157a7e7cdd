/** Another SQLite in this same process has the same file open, and repeatedly closes it. */

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

import { tell, ubiqlite } from './package.mjs';

const [path, peer] = process.argv.slice(2);
const require = createRequire(import.meta.url);

function opener() {
  if (peer === 'node:sqlite') {
    const { DatabaseSync } = require('node:sqlite');
    return () => new DatabaseSync(path);
  }
  const Database = require(process.env.PEER);
  return () => new Database(path);
}

let open;
try {
  open = opener();
} catch (error) {
  if (error.code !== 'ERR_UNKNOWN_BUILTIN_MODULE') throw error;
  tell('missing');
  process.exit(0);
}
const db = await ubiqlite.open(path, { busyTimeout: 30_000 });
await db.execute('CREATE TABLE t(by TEXT, number INTEGER)');
for (let round = 0; round < 20; round += 1) {
  const other = open();
  other.exec('PRAGMA busy_timeout = 30000');
  const insert = other.prepare("INSERT INTO t VALUES ('peer', ?)");
  const transaction = await db.begin();
  await transaction.execute("INSERT INTO t VALUES ('us', ?)", [round]);
  // This would drop our lock too, if the kernel's locks belonged to the process.
  open().close();
  const locked = spawnSync('python3', ['-c', `
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0).execute("INSERT INTO t VALUES ('thief', 0)")
except sqlite3.OperationalError:
    sys.exit(7)`, path]).status;
  if (locked !== 7) throw new Error(`another process wrote into our transaction: ${locked}`);
  await transaction.commit();
  insert.run(round);
  other.close();
}
const counts = await db.query('SELECT by, count(*) AS n FROM t GROUP BY by ORDER BY by');
await db.close();
if (JSON.stringify(counts) !== '[{"by":"peer","n":20},{"by":"us","n":20}]') throw new Error(JSON.stringify(counts));
tell('all are there');
