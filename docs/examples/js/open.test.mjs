// The guide's page about opening a database.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
// #region import
import { open } from 'ubiqlite';
// #endregion import

/** Returns the path of a file that does not exist, in a folder that ends with the test. */
function fresh(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'app.db');
}

test('a file is created and kept', async (t) => {
  const path = fresh(t);
  // #region open
  const db = await open(path);
  await db.batch('CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)');
  await db.execute('INSERT INTO items (name) VALUES (?)', ['lamp']);
  await db.close();
  // #endregion open
  const again = await open(path, { create: false });
  assert.equal(await again.table('items').count(), 1);
  await again.close();
});

test('each memory database is its own', async () => {
  // #region memory
  const db = await open(':memory:');
  const other = await open(':memory:'); // shares nothing with the first
  // #endregion memory
  await db.execute('CREATE TABLE items (id INTEGER PRIMARY KEY)');
  await assert.rejects(other.table('items').count(), { kind: 'NoSuchTable' });
  await db.close();
  await other.close();
});

test('settings are given at opening', async (t) => {
  const path = fresh(t);
  // #region settings
  const db = await open(path, {
    busyTimeout: 1000, // milliseconds
    synchronous: 'normal',
  });
  // #endregion settings
  assert.equal(await db.queryValue('PRAGMA synchronous'), 1);
  await db.close();

  // #region readonly
  const report = await open(path, { readOnly: true });
  // #endregion readonly
  await assert.rejects(report.execute('CREATE TABLE items (id INTEGER)'), { kind: 'ReadOnly' });
  await report.close();
  await assert.rejects(open(path, { busytimeout: 1000 }), { kind: 'InvalidArgument' });
});

test('the defaults hold', async (t) => {
  const db = await open(fresh(t));
  // #region defaults
  const journal = await db.queryValue('PRAGMA journal_mode'); // 'wal'
  const synchronous = await db.queryValue('PRAGMA synchronous'); // 2: FULL
  const foreignKeys = await db.queryValue('PRAGMA foreign_keys'); // 1
  // #endregion defaults
  assert.deepEqual([journal, synchronous, foreignKeys], ['wal', 2, 1]);
  await assert.rejects(db.query('SELECT "x"'), { kind: 'NoSuchColumn' });
  await db.close();
});

test('an existing file keeps its mode', async (t) => {
  const path = fresh(t);
  let db = await open(path, { journalMode: 'delete' });
  await db.batch('CREATE TABLE items (id INTEGER PRIMARY KEY)');
  await db.close();
  db = await open(path);
  assert.equal(await db.queryValue('PRAGMA journal_mode'), 'delete');
  await db.close();
});

test('callers share one database', async (t) => {
  const path = fresh(t);
  const db = await open(path);
  await db.batch('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)');
  // #region share
  async function add(number) {
    await db.execute('INSERT INTO items (name) VALUES (?)', [`item ${number}`]);
  }
  await Promise.all(Array.from({ length: 10 }, (_, number) => add(number)));
  // #endregion share
  assert.equal(await db.table('items').count(), 10);

  if (db.engine === 'native') {
    // A second opening is a second writer, which waits for the first one's lock.
    const second = await open(path, { busyTimeout: 20 });
    const transaction = await db.begin();
    await assert.rejects(second.execute('DELETE FROM items'), { kind: 'Busy' });
    await transaction.rollback();
    await second.close();
  }
  await db.close();
});

test('closing ends the log and later calls', async (t) => {
  const path = fresh(t);
  const db = await open(path);
  await db.batch('CREATE TABLE items (id INTEGER PRIMARY KEY)');
  assert.ok(existsSync(`${path}-wal`));
  // #region close
  await db.close();

  await assert.rejects(db.table('items').count(), { kind: 'Closed' });
  await db.close(); // does nothing
  // #endregion close
  assert.ok(!existsSync(`${path}-wal`));
});

test('a failed opening names its path', async (t) => {
  const path = fresh(t);
  let told = '';
  const console = { error: (text) => (told = text) };
  // #region fail
  try {
    const db = await open(path, { create: false });
    await db.close();
  } catch (error) {
    if (error.kind !== 'CannotOpen') throw error;
    console.error(error.message);
  }
  // #endregion fail
  assert.match(told, /app\.db/);
  assert.ok(!existsSync(path));
});
