// The guide's page about cancellation and timeouts.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CancelledError, OutcomeUnknownError, TimeoutError, open } from 'ubiqlite';

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  INSERT INTO items (name) VALUES ('lamp'), ('chair');
  CREATE TABLE payments (id TEXT PRIMARY KEY, amount INTEGER NOT NULL);
`;
const NUMBERS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
const REPORT = `${NUMBERS} SELECT count(*) FROM n`;
const IMPORT = `INSERT INTO items (name) ${NUMBERS} SELECT 'part ' || i FROM n`;

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

test('a call is cancelled by its signal', async (t) => {
  const db = await fresh(t, { readers: 1 });
  // #region cancel
  const controller = new AbortController();
  const report = db.queryValue(REPORT, [], { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  try {
    await report;
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    console.log('stopped', error.cause); // the signal's reason
  }
  // #endregion cancel
  await assert.rejects(report, { kind: 'Cancelled' });
  await assert.rejects(db.execute(IMPORT, [], { signal: AbortSignal.timeout(50) }), { kind: 'Cancelled' });
  // The reader and the writer are free, and nothing was written.
  assert.equal(await db.table('items').count(), 2);
  await db.execute("INSERT INTO items (name) VALUES ('table')", [], { timeout: 5000 });
  // A write that waits never runs.
  const tx = await db.begin();
  const waiting = db.execute('DELETE FROM items', [], { signal: AbortSignal.timeout(50) });
  await assert.rejects(waiting, { kind: 'Cancelled' });
  await tx.commit();
  assert.equal(await db.table('items').count(), 3);
});

test('a time limit', async (t) => {
  const db = await fresh(t);
  let late = false;
  // #region limit
  try {
    await db.execute(IMPORT, [], { timeout: 50 }); // milliseconds
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    late = true; // nothing was imported
  }
  // #endregion limit
  assert.ok(late);
  assert.equal(await db.table('items').count(), 2);
  // #region handle
  const quick = db.timeout(500); // the same database
  const count = await quick.table('items').count();
  const lamp = await quick.queryOne('SELECT * FROM items WHERE name = ?', ['lamp']);
  // #endregion handle
  assert.equal(count, 2);
  assert.equal(lamp.id, 1);
  await assert.rejects(db.timeout(50).queryValue(REPORT), { kind: 'Timeout' });
  // #region transaction
  await db.transaction(
    async (tx) => {
      await tx.table('items').insert({ name: 'table' });
      await tx.queryValue('SELECT count(*) FROM items', [], { timeout: 500 });
    },
    { timeout: 2000 }, // to begin, for the function, and to commit
  );
  // #endregion transaction
  assert.equal(await db.table('items').count(), 3);
  const slow = async (tx) => {
    await tx.execute('DELETE FROM items');
    await pause(300);
  };
  await assert.rejects(db.transaction(slow, { timeout: 50 }), { kind: 'Timeout' });
  await assert.rejects(db.transaction(slow, { signal: AbortSignal.timeout(50) }), { kind: 'Cancelled' });
  assert.equal(await db.table('items').count(), 3);
});

test('interrupt', async (t) => {
  const db = await fresh(t);
  // #region interrupt
  const report = db.queryValue(REPORT);
  setTimeout(() => db.interrupt(), 50);
  try {
    await report;
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    console.log('stopped');
  }
  // #endregion interrupt
  await assert.rejects(report, { kind: 'Cancelled' });
  assert.equal(await db.table('items').count(), 2);
  // Calls that wait are stopped, too.
  const tx = await db.begin();
  const waiting = db.execute('DELETE FROM items');
  setTimeout(() => db.interrupt(), 50);
  await assert.rejects(waiting, { kind: 'Cancelled' });
  await tx.commit();
  assert.equal(await db.table('items').count(), 2);
});

test('inside a transaction', async (t) => {
  const db = await fresh(t);
  // A read that is stopped leaves the transaction as it was.
  await db.transaction(async (tx) => {
    await tx.table('items').insert({ name: 'table' });
    await assert.rejects(tx.queryValue(REPORT, [], { timeout: 50 }), { kind: 'Timeout' });
    await assert.rejects(tx.queryValue(REPORT, [], { signal: AbortSignal.timeout(50) }), { kind: 'Cancelled' });
  });
  assert.equal(await db.table('items').count(), 3);
  // A write that is stopped while it runs ends the transaction, also in a savepoint.
  for (const options of [() => ({ timeout: 50 }), () => ({ signal: AbortSignal.timeout(50) })]) {
    const tx = await db.begin();
    await tx.execute('DELETE FROM items');
    const sp = await tx.beginSavepoint();
    await assert.rejects(sp.execute(IMPORT, [], options()));
    await sp.rollback().catch(() => {});
    await assert.rejects(tx.commit(), { kind: 'Cancelled' });
    assert.equal(await db.table('items').count(), 3);
  }
});

test('a write that can be repeated', async (t) => {
  const db = await fresh(t);
  // #region repeat
  const payment = ['order 1042', 30];
  const insert = 'INSERT INTO payments (id, amount) VALUES (?, ?) ON CONFLICT (id) DO NOTHING';
  try {
    await db.execute(insert, payment);
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError)) throw error;
    await db.execute(insert, payment); // changes nothing if the first one was done
  }
  // #endregion repeat
  assert.equal((await db.execute(insert, payment)).rowsChanged, 0);
  assert.equal(await db.table('payments').count(), 1);
});

test('closing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'app.db');
  // #region close
  const db = await open(path);
  try {
    await db.batch('CREATE TABLE notes (text TEXT)');
  } finally {
    await db.close(); // from Node 24 on: await using db = await open(path)
  }
  // #endregion close
  await assert.rejects(db.query('SELECT * FROM notes'), { kind: 'Closed' });
  await db.close();
  // Calls that were accepted are done.
  const second = await open(path);
  const writes = Array.from({ length: 50 }, () => second.execute("INSERT INTO notes VALUES ('a')"));
  await second.close();
  await Promise.all(writes);
  // What is open has the busy timeout to end, and is then rolled back.
  const third = await open(path, { busyTimeout: 200 });
  const tx = await third.begin();
  await tx.execute('DELETE FROM notes');
  await third.close();
  await assert.rejects(tx.commit(), { kind: 'Closed' });
  const last = await open(path);
  assert.equal(await last.table('notes').count(), 50);
  await last.close();
});
