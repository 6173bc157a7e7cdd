/**
 * Shows what node-sqlite3-wasm finds after the kills of ../crash.test.mjs, in journal mode
 * delete:
 *
 *     npm install && node kill.mjs [rounds]
 *
 * The outcome is printed, not judged, with one exception: if no round is torn, then either the
 * peer has changed or the kills come at no bad moment, and this no longer proves anything.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { Database } = require('node-sqlite3-wasm');
const { version } = JSON.parse(readFileSync(new URL('node_modules/node-sqlite3-wasm/package.json', import.meta.url)));

const ROUNDS = Number(process.argv[2] ?? 20);
const ROWS = 4000;
const UPDATER = fileURLToPath(new URL('updater.mjs', import.meta.url));

function make(path) {
  const db = new Database(path);
  db.exec(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, version INTEGER NOT NULL, filler BLOB);
    WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < ${ROWS})
      INSERT INTO t SELECT i, 0, zeroblob(200) FROM r;
    CREATE INDEX by_version ON t(version);`);
  db.close();
}

async function killed(path) {
  const child = spawn(process.execPath, [UPDATER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  await new Promise((resolve) => {
    setTimeout(resolve, Math.random() * 150);
  });
  child.kill('SIGKILL');
  await closed;
}

/** Opens it as its users do: the lock of the dead process must be removed by hand. */
function look(path) {
  let locked = false;
  try {
    locked = statSync(`${path}.lock`).isDirectory();
    rmSync(`${path}.lock`, { recursive: true });
  } catch {
    // No lock.
  }
  const db = new Database(path);
  try {
    const versions = db.all('SELECT DISTINCT version FROM t NOT INDEXED').length;
    const damage = db.all('PRAGMA integrity_check')[0].integrity_check;
    return { locked, torn: versions !== 1 || damage !== 'ok', damage };
  } catch (error) {
    return { locked, torn: true, damage: error.message };
  } finally {
    db.close();
  }
}

let [torn, locks, example] = [0, 0, ''];
for (let count = 0; count < ROUNDS; count += 1) {
  const dir = mkdtempSync(join(tmpdir(), 'ubiqlite-peers-'));
  const path = join(dir, 'app.db');
  make(path);
  await killed(path);
  const seen = look(path);
  locks += Number(seen.locked);
  torn += Number(seen.torn);
  if (seen.torn && seen.damage !== 'ok') example = seen.damage.split('\n')[0];
  rmSync(dir, { recursive: true });
}
console.log(`node-sqlite3-wasm ${version}, ${ROUNDS} kills in mid-UPDATE, journal mode delete:`);
console.log(`  ${torn} databases with old and new rows or damage after they were opened again${example && `, for example: ${example}`}`);
console.log(`  ${locks} locks of dead processes that had to be removed by hand`);
process.exitCode = torn > 0 ? 0 : 1;
