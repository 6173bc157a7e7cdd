/** A file removed, renamed or replaced while open takes no more commits, and no log is left for another file. */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { test } from 'node:test';

import { database, installed, outside, ubiqlite } from './support.mjs';

const noPython = (await installed('python3')) ? false : 'python3 is not installed: no other tool to read with';

const ROWS = 'CREATE TABLE t(a); INSERT INTO t VALUES (1)';
const MOVED = { kind: 'ReadOnly', code: 1032 };

for (const journalMode of ['wal', 'delete']) {
  test(`no commit into a file that was removed, journal mode ${journalMode}`, async (t) => {
    const { db, path } = await database(t, { journalMode }, ROWS);
    rmSync(path);
    // A call that needs another connection finds no file to open.
    const gone = (error) => assert.ok(error.code === MOVED.code || error.kind === 'CannotOpen', String(error));
    await db.execute('INSERT INTO t VALUES (2)').then(() => assert.fail('it was acknowledged'), gone);
    // Connections that already have it open can still read it.
    await db.queryValue('SELECT count(*) FROM t').then((rows) => assert.equal(rows, 1), gone);
    await db.close();
    assert.ok(!existsSync(path));
  });

  test(`no commit into a file that was renamed, journal mode ${journalMode}`, async (t) => {
    const { db, path } = await database(t, { journalMode }, ROWS);
    renameSync(path, `${path}.moved`);
    await assert.rejects(db.transaction((tx) => tx.execute('INSERT INTO t VALUES (2)')), MOVED);
    await db.close();
    assert.ok(!existsSync(path));
  });
}

test('a backup that replaces an open file is not changed by what was in its log', { skip: noPython }, async (t) => {
  const { db, path } = await database(t, {}, ROWS);
  await db.close();
  copyFileSync(path, `${path}.backup`);
  const again = await ubiqlite.open(path);
  t.after(() => again.close());
  await again.execute('INSERT INTO t VALUES (2), (3)');
  renameSync(`${path}.backup`, path);
  await assert.rejects(again.execute('INSERT INTO t VALUES (4)'), MOVED);
  await again.close();
  assert.equal(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0, 0);
  assert.deepEqual(await outside(path, 'SELECT a FROM t'), [[1]]);
});

test('no commit into a log that another program removed', async (t) => {
  const { db, path } = await database(t, {}, ROWS);
  await db.execute('INSERT INTO t VALUES (2)');
  rmSync(`${path}-wal`);
  await assert.rejects(db.execute('INSERT INTO t VALUES (3)'), MOVED);
});
