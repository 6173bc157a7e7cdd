// The programs of the page about testing.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BusyError, ClosedError, ForeignKeyViolationError, NoSuchTableError, open } from 'ubiqlite';

// #region fixture
const SCHEMA = `
  CREATE TABLE items (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT NOT NULL DEFAULT 'new');
  CREATE TABLE log (item_id INTEGER NOT NULL REFERENCES items (id), text TEXT NOT NULL);`;

async function fresh(t) {
  const db = await open(':memory:');
  t.after(() => db.close());
  await db.batch(SCHEMA);
  return db;
}
// #endregion fixture

// #region test
test('an item begins as new', async (t) => {
  const db = await fresh(t);
  const id = await db.table('items').insert({ name: 'lamp' });
  const status = await db.queryValue('SELECT status FROM items WHERE id = ?', [id]);
  assert.equal(status, 'new');
});
// #endregion test

test('databases in memory share nothing', async (t) => {
  // #region parallel
  const [first, second] = await Promise.all([fresh(t), fresh(t)]);
  await first.table('items').insert({ name: 'lamp' });
  assert.equal(await first.table('items').count(), 1);
  assert.equal(await second.table('items').count(), 0);
  // #endregion parallel
  await first.close();
  assert.equal(await second.table('items').count(), 0);
});

test('a database in memory has what a file has', async (t) => {
  const db = await fresh(t);
  // #region same
  const before = await db.snapshot();
  const tx = await db.begin();
  await tx.table('items').insert({ name: 'lamp' });
  assert.equal(await db.table('items').count(), 0); // not committed yet
  await tx.commit();
  assert.equal(await db.table('items').count(), 1);
  assert.equal(await before.table('items').count(), 0); // still the earlier moment
  before.close();
  // #endregion same
  assert.equal(await db.queryValue('PRAGMA journal_mode'), 'wal');
  for await (const row of db.stream('SELECT * FROM items')) assert.equal(row.name, 'lamp');
  await assert.rejects(db.execute("INSERT INTO log VALUES (99, 'sold')"), ForeignKeyViolationError);
});

test('a file keeps what was written', async (t) => {
  // #region file
  const folder = mkdtempSync(join(tmpdir(), 'items-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'app.db');
  const db = await open(path);
  await db.batch(SCHEMA);
  await db.table('items').insert({ name: 'lamp' });
  await db.close();

  const again = await open(path);
  assert.equal(await again.table('items').count(), 1);
  await again.close(); // before the folder is removed
  // #endregion file
  assert.deepEqual(readdirSync(folder), ['app.db']);
});

test('a closed database in memory is gone', async (t) => {
  const db = await fresh(t);
  await db.close();
  await assert.rejects(db.table('items').count(), ClosedError);
  const other = await open(':memory:');
  t.after(() => other.close());
  await assert.rejects(other.table('items').count(), NoSuchTableError);
});

test('a lock is held by the test', async (t) => {
  // #region busy
  const db = await open(':memory:', { busyTimeout: 20 });
  t.after(() => db.close());
  await db.batch(SCHEMA);
  const holder = await db.begin();
  await assert.rejects(db.table('items').insert({ name: 'lamp' }), BusyError);
  await holder.rollback();
  // #endregion busy
  await db.table('items').insert({ name: 'lamp' });
});
