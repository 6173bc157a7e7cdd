// The guide's page about concurrency.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { BusyError, open } from 'ubiqlite';

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sold INTEGER NOT NULL DEFAULT 0);
  INSERT INTO items (name, sold) VALUES ('lamp', 1), ('chair', 0), ('table', 1);
`;

/** Opens a database with the schema, which ends with the test. */
async function fresh(t, options) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  const db = await open(join(folder, 'app.db'), options);
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  await db.batch(SCHEMA);
  return db;
}

test('reads run next to a write', async (t) => {
  const db = await fresh(t);
  // #region beside
  const [mine, committed] = await db.transaction(async (tx) => {
    await tx.execute('DELETE FROM items WHERE sold = 1');
    return [
      await tx.queryValue('SELECT count(*) FROM items'),
      await db.queryValue('SELECT count(*) FROM items'),
    ];
  });
  // mine is 1, committed is 3
  // #endregion beside
  assert.deepEqual([mine, committed], [1, 3]);
  assert.equal(await db.table('items').count(), 1);
});

test('many reads at once', async (t) => {
  const db = await fresh(t);
  // #region reads
  const [items, sold, lamp] = await Promise.all([
    db.table('items').count(),
    db.query('SELECT name FROM items WHERE sold = 1 ORDER BY id'),
    db.table('items').get(1),
  ]);
  // #endregion reads
  assert.equal(items, 3);
  assert.deepEqual(sold.map(({ name }) => name), ['lamp', 'table']);
  assert.equal(lamp.name, 'lamp');
});

test('writes that wait together share a commit', async (t) => {
  const db = await fresh(t);
  // #region writes
  const names = Array.from({ length: 100 }, (_, number) => `part ${number}`);
  const insert = 'INSERT INTO items (name) VALUES (?)';
  await Promise.all(names.map((name) => db.execute(insert, [name])));
  // #endregion writes
  assert.equal(await db.table('items').count(), 103);
  // One that fails takes no other with it.
  const done = await Promise.allSettled(['shelf', 'lamp', 'door'].map((name) => db.execute(insert, [name])));
  assert.deepEqual(done.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
  assert.equal(done[1].reason.kind, 'UniqueViolation');
  assert.equal(await db.table('items').count(), 105);
});

test('busy', async (t) => {
  const db = await fresh(t, { busyTimeout: 500 });
  const stalled = await db.begin();
  let sold = 0;
  // #region busy
  try {
    const done = await db.execute('UPDATE items SET sold = 1 WHERE id = ?', [2]);
    sold = done.rowsChanged;
  } catch (error) {
    if (!(error instanceof BusyError)) throw error;
    console.log(`nothing was changed; try again later: ${error.message}`);
  }
  // #endregion busy
  assert.equal(sold, 0);
  assert.equal(await stalled.queryValue('SELECT sold FROM items WHERE id = 2'), 0);
  // A write waits for as long as the transaction makes progress.
  const since = performance.now();
  const write = db.execute('UPDATE items SET sold = 1 WHERE id = 2').then(
    () => 'done',
    (error) => error.kind,
  );
  for (let step = 0; step < 10; step += 1) {
    await stalled.execute('UPDATE items SET sold = sold + 1 WHERE id = 1');
    await pause(100);
  }
  await stalled.commit();
  assert.equal(await write, 'done');
  assert.ok(performance.now() - since > 900);
});

test('a snapshot reads one moment', async (t) => {
  const db = await fresh(t);
  // #region snapshot
  const moment = await db.snapshot();
  const count = await moment.table('items').count();
  await db.execute('DELETE FROM items WHERE sold = 1'); // by anybody, meanwhile
  const names = await moment.query('SELECT name FROM items ORDER BY id');
  moment.close();
  // count is 3, and names has three
  // #endregion snapshot
  assert.equal(count, 3);
  assert.equal(names.length, 3);
  assert.equal(await db.table('items').count(), 1);
  const later = await db.snapshot();
  await assert.rejects(later.query('DELETE FROM items RETURNING id'), { kind: 'ReadOnly' });
  later.close();
});

test('a session is a connection of its own', async (t) => {
  const db = await fresh(t, { sessions: 1 });
  const archivePath = `${db.path}-archive`;
  // #region attach
  const session = await db.acquire();
  try {
    await session.execute('ATTACH ? AS archive', [archivePath]);
    await session.transaction(async (tx) => {
      await tx.execute('CREATE TABLE archive.sold AS SELECT * FROM items WHERE sold = 1');
      await tx.execute('DELETE FROM items WHERE sold = 1');
    });
  } finally {
    session.release();
  }
  // #endregion attach
  assert.equal(await db.table('items').count(), 1);
  const names = await temporary(db);
  assert.deepEqual(names, [{ name: 'chair' }]);
  const archive = await open(archivePath);
  assert.equal(await archive.table('sold').count(), 2);
  await archive.close();
  const next = await db.acquire();
  await assert.rejects(next.query('SELECT * FROM basket'), { kind: 'NoSuchTable' });
  await assert.rejects(next.query('SELECT * FROM archive.sold'), { kind: 'NoSuchTable' });
  await assert.rejects(db.acquire({ timeout: 50 }), { kind: 'Timeout' });
  // Statements of one's own begin and end transactions here.
  await next.execute('BEGIN');
  await next.execute('DELETE FROM items');
  next.release();
  assert.equal(await db.table('items').count(), 1);
  for (const sql of ["ATTACH ':memory:' AS other", 'CREATE TEMP TABLE seen (id)', 'PRAGMA foreign_keys = OFF']) {
    await assert.rejects(db.execute(sql), { kind: 'InvalidArgument' });
  }
});

async function temporary(db) {
  // #region temporary
  const session = await db.acquire();
  try {
    await session.execute('CREATE TEMP TABLE basket (item_id INTEGER)');
    await session.executeMany('INSERT INTO basket VALUES (?)', [[2], [3]]);
    return await session.query('SELECT name FROM items JOIN basket ON item_id = id');
  } finally {
    session.release();
  }
  // #endregion temporary
}

test('the sizes of the pools', async (t) => {
  const { path } = await fresh(t);
  // #region pool
  const db = await open(`${path}-2`, {
    readers: 4,
    sessions: 2,
    acquireTimeout: 1000, // milliseconds
    busyTimeout: 2000,
  });
  // #endregion pool
  const lent = [await db.acquire(), await db.acquire()];
  await assert.rejects(db.acquire(), { kind: 'Timeout' });
  const moments = [];
  for (let count = 0; count < 4; count += 1) moments.push(await db.snapshot());
  assert.equal(await db.queryValue('SELECT 1'), 1);
  for (const session of lent) session.release();
  for (const moment of moments) moment.close();
  await db.close();
});
