// The guide's page "Several processes". A second `open` of the file is the other process.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

import { BusyError, ReadOnlyError, TimeoutError, open } from 'ubiqlite';

// #region in-thread
if (!isMainThread) {
  const db = await open(workerData);
  await db.table('items').insertMany([{ name: 'lamp' }, { name: 'chair' }]);
  await db.close();
  process.exit();
}
// #endregion in-thread

/** Makes a file with two tables, closed again. */
async function file(t) {
  const folder = mkdtempSync(join(tmpdir(), 'guide-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'app.db');
  const db = await open(path);
  await db.batch(`
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
    INSERT INTO accounts VALUES (1, 100);
  `);
  const { engine } = db;
  await db.close();
  return { folder, path, engine };
}

test('two processes on one file', async (t) => {
  const { folder, path } = await file(t);
  // #region share
  const db = await open(path);

  // In another process:
  const other = await open(path);
  await other.table('items').insert({ name: 'lamp' });

  // Here, after that insert has resolved:
  const items = await db.query('SELECT name FROM items');
  // #endregion share
  assert.deepEqual(items, [{ name: 'lamp' }]);
  await other.close();
  await db.close();
  assert.deepEqual(readdirSync(folder), ['app.db']);
});

test('a real second process writes the file', async (t) => {
  const { path, engine } = await file(t);
  if (engine !== 'native') return t.skip('the wasm engine keeps a file for its thread');
  const db = await open(path);
  const code = `
    import { open } from 'ubiqlite';
    const db = await open(process.argv[1]);
    await db.table('items').insert({ name: 'lamp' });
    await db.close();
  `;
  const cwd = new URL('../..', import.meta.url);
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, path], { cwd });
  assert.deepEqual(await db.query('SELECT name FROM items'), [{ name: 'lamp' }]);
  await db.close();
});

test('a lock that another process keeps', async (t) => {
  const { path } = await file(t);
  const other = await open(path);
  const since = performance.now();
  // #region busy
  const db = await open(path, { busyTimeout: 200 });

  // In another process, a transaction that stays open:
  const tx = await other.begin();
  await tx.execute('UPDATE accounts SET balance = 0');

  // Here a read does not wait, and sees what was committed before.
  const balance = await db.queryValue('SELECT balance FROM accounts WHERE id = 1');
  // A write waits for 200 ms.
  const add = 'UPDATE accounts SET balance = balance + 10 WHERE id = 1';
  try {
    await db.execute(add);
  } catch (error) {
    console.log(error.kind, error.message); // Busy: nothing was changed
  }
  // #endregion busy
  assert.equal(balance, 100);
  assert.ok(performance.now() - since >= 190);
  await assert.rejects(db.execute(add), BusyError);
  await assert.rejects(db.begin(), BusyError);
  await assert.rejects(db.execute(add, [], { timeout: 20 }), TimeoutError);
  await tx.commit();
  await db.execute(add);
  assert.equal(await db.queryValue('SELECT balance FROM accounts'), 10);
  await other.close();
  await db.close();
});

test('a file that is replaced while it is open', { skip: process.platform === 'win32' }, async (t) => {
  const { folder, path } = await file(t);
  const backup = join(folder, 'backup.db');
  // #region moved
  let db = await open(path);
  await db.execute('VACUUM INTO ?', [backup]);

  // Another program puts the backup in the place of the open file.
  renameSync(backup, path);

  try {
    await db.table('items').insert({ name: 'lamp' });
  } catch (error) {
    console.log(error.kind, error.code); // ReadOnly 1032
    await db.close();
    db = await open(path);
  }
  // #endregion moved
  assert.equal(await db.table('items').count(), 0);
  const again = join(folder, 'again.db');
  renameSync(path, again);
  await assert.rejects(db.table('items').insert({ name: 'lamp' }), (error) => error instanceof ReadOnlyError && error.code === 1032);
  await db.close();
  assert.ok(!existsSync(path));
  assert.equal(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0, 0);
});

test('a worker thread opens the file too', async (t) => {
  const { path, engine } = await file(t);
  if (engine !== 'native') return t.skip('the wasm engine keeps a file for its thread');
  const db = await open(path);
  // #region thread
  const worker = new Worker(new URL(import.meta.url), { workerData: path });
  await once(worker, 'exit');
  const count = await db.table('items').count();
  // #endregion thread
  assert.equal(count, 2);
  await db.close();
});

test('the two engines exclude each other', async (t) => {
  const { path, engine } = await file(t);
  if (engine !== 'native') return t.skip('there is no native engine here');
  // #region engines
  const db = await open(path);
  console.log(db.engine); // native

  const other = await open(path, { engine: 'wasm', busyTimeout: 100 }).catch((error) => error);
  console.log(other.kind, other.message); // Busy, and which process has the file
  // #endregion engines
  assert.ok(other instanceof BusyError);
  assert.match(other.message, /with the native engine/);
  await db.close();
  const wasm = await open(path, { engine: 'wasm' });
  assert.equal(wasm.engine, 'wasm');
  // In this thread it may be opened again; in another process it may not.
  await (await open(path, { engine: 'wasm' })).close();
  await assert.rejects(open(path, { engine: 'native', busyTimeout: 50 }), BusyError);
  await wasm.close();
});
