/**
 * A process is killed in the middle of an UPDATE whose pages have partly been written:
 * afterwards all rows are old or all are new, and acknowledged updates are there. The
 * environment variable `ROUNDS` makes it longer.
 */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, openSync, readSync, closeSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Child, folder, outside, pause, ubiqlite } from './support.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 20);
const ROWS = 4000;

const SCHEMA = `
  CREATE TABLE t(id INTEGER PRIMARY KEY, version INTEGER NOT NULL, filler BLOB);
  WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < ${ROWS})
    INSERT INTO t SELECT i, 0, zeroblob(200) FROM r;
  CREATE INDEX by_version ON t(version);`;

/** Whether a rollback journal has been neither rolled back nor invalidated. */
function isHot(journal) {
  if (!existsSync(journal) || statSync(journal).size < 512) return false;
  const header = Buffer.alloc(8);
  const file = openSync(journal, 'r');
  readSync(file, header, 0, 8, 0);
  closeSync(file);
  return header.equals(Buffer.from('d9d505f920a163d7', 'hex'));
}

/** Whether the file by itself, without its journal, has old and new rows, or is damaged. */
async function isTornAlone(path, copy) {
  copyFileSync(path, copy);
  return outside(copy, 'SELECT count(DISTINCT version) FROM t').then(([[versions]]) => versions !== 1, () => true);
}

/** Measures how long an update takes on this machine after the first one; returns that and the version then. */
async function measure(path, journalMode) {
  const child = new Child('updater.mjs', [path, journalMode]);
  await child.tells('1');
  const since = performance.now();
  await child.tells('3');
  const millis = (performance.now() - since) / 2;
  await child.kill();
  const db = await ubiqlite.open(path, { journalMode });
  const version = await db.queryValue('SELECT max(version) FROM t');
  await db.close();
  return { millis, version };
}

async function round(dir, path, journalMode, expected, millis) {
  const child = new Child('updater.mjs', [path, journalMode]);
  await child.tells('ready');
  await pause(Math.random() * 3 * millis);
  await child.kill();
  const acknowledged = Number(child.lines.at(-1)) || expected;
  const hot = journalMode === 'delete' ? isHot(`${path}-journal`) : existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0;
  const torn = journalMode === 'delete' && hot && (await isTornAlone(path, join(dir, 'alone.db')));

  const db = await ubiqlite.open(path, { journalMode, cacheKib: 16 });
  const versions = await db.query('SELECT version, count(*) AS n FROM t GROUP BY version');
  const integrity = await db.queryValue('PRAGMA integrity_check');
  await db.close();
  assert.equal(integrity, 'ok');
  assert.equal(versions.length, 1, `old and new rows: ${JSON.stringify(versions)}`);
  assert.equal(versions[0].n, ROWS);
  const [{ version }] = versions;
  // The next version may have been committed without being reported.
  assert.ok(version === acknowledged || version === acknowledged + 1, `version ${version} after ${acknowledged}`);
  assert.deepEqual(await outside(path, 'SELECT min(version), max(version) FROM t'), [[version, version]]);
  return { version, hot, torn };
}

for (const journalMode of ['delete', 'wal']) {
  test(`${ROUNDS} kills in mid-UPDATE leave all old or all new rows, journal mode ${journalMode}`, { timeout: ROUNDS * 10_000 }, async (t) => {
    const dir = folder(t);
    const path = join(dir, 'app.db');
    const db = await ubiqlite.open(path, { journalMode });
    await db.batch(SCHEMA);
    await db.close();
    const { millis, version: first } = await measure(path, journalMode);
    let [version, hot, torn] = [first, 0, 0];
    for (let count = 0; count < ROUNDS; count += 1) {
      const seen = await round(dir, path, journalMode, version, millis);
      version = seen.version;
      hot += Number(seen.hot);
      torn += Number(seen.torn);
    }
    console.log(
      `    ${journalMode}: an update takes ${millis.toFixed(0)} ms; ${ROUNDS} kills, ${version - first} updates committed, ${hot} left `
        + `${journalMode === 'delete' ? `a hot journal, ${torn} of them a file that is torn without it` : 'a log'}`,
    );
    assert.ok(hot >= ROUNDS / 10, 'too few kills hit an update: nothing was shown');
    if (journalMode === 'delete') assert.ok(torn >= 1, 'no kill came when pages had been written: nothing was shown');
  });
}

test('a commit that was acknowledged is there after a kill right behind it', { timeout: 120_000 }, async (t) => {
  for (const journalMode of ['delete', 'wal']) {
    const path = join(folder(t), 'app.db');
    for (let count = 1; count <= 5; count += 1) {
      const child = new Child('holder.mjs', [path, journalMode]);
      await child.tells('holds');
      await child.kill();
      const db = await ubiqlite.open(path);
      assert.equal(await db.queryValue('SELECT count(*) FROM held'), count);
      await db.close();
    }
  }
});
