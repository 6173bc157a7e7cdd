// The programs of the page about deployment.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiskFullError, InvalidArgumentError, ReadOnlyError, open } from 'ubiqlite';

const SCHEMA = 'CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)';

async function fresh(t) {
  const folder = mkdtempSync(join(tmpdir(), 'items-'));
  const path = join(folder, 'app.db');
  const db = await open(path);
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  await db.batch(SCHEMA);
  await db.table('items').insert({ name: 'lamp' });
  return { folder, path, db };
}

test('durability is chosen', async (t) => {
  const { path, db: full } = await fresh(t);
  assert.equal(await full.queryValue('PRAGMA synchronous'), 2);
  await full.close();
  // #region synchronous
  const db = await open(path, { synchronous: 'normal' });
  await db.table('items').insert({ name: 'chair' });
  // #endregion synchronous
  assert.equal(await db.queryValue('PRAGMA synchronous'), 1);
  await db.close();
});

test('a log is a file while the database is open', async (t) => {
  const { path, db } = await fresh(t);
  assert.ok(existsSync(`${path}-wal`));
  assert.equal(existsSync(`${path}-shm`), db.engine === 'native');
  await db.close();
  assert.ok(!existsSync(`${path}-wal`) && !existsSync(`${path}-shm`));
});

test('a backup is made while the database is used', async (t) => {
  const { folder, db } = await fresh(t);
  // #region backup
  const draft = join(folder, 'backup.draft');
  await db.execute('VACUUM INTO ?', [draft]);

  const copy = await open(draft, { readOnly: true });
  const state = await copy.queryValue('PRAGMA integrity_check');
  await copy.close();
  if (state === 'ok') renameSync(draft, join(folder, 'backup.db'));
  // #endregion backup
  const backup = join(folder, 'backup.db');
  const made = await open(backup);
  assert.equal(await made.table('items').count(), 1);
  assert.equal(await made.queryValue('PRAGMA journal_mode'), 'delete');
  await made.close();
  await assert.rejects(db.execute('VACUUM INTO ?', [backup]), InvalidArgumentError);
  const restored = await open(backup, { journalMode: 'wal' });
  assert.equal(await restored.queryValue('PRAGMA journal_mode'), 'wal');
  await restored.close();
});

test('a file is opened for reading only', async (t) => {
  const { path, db: first } = await fresh(t);
  await first.close();
  // #region read_only
  const db = await open(path, { readOnly: true });
  const items = await db.query('SELECT name FROM items');
  // #endregion read_only
  assert.deepEqual(items.map((item) => item.name), ['lamp']);
  await assert.rejects(db.table('items').insert({ name: 'chair' }), ReadOnlyError);
  await db.close();
});

test('a log is emptied', async (t) => {
  const { path, db } = await fresh(t);
  assert.ok(statSync(`${path}-wal`).size > 0);
  // #region checkpoint
  const { busy } = await db.queryOne('PRAGMA wal_checkpoint(TRUNCATE)');
  if (busy) console.log('a reader or another process still needs the log');
  // #endregion checkpoint
  assert.equal(busy, 0);
  assert.equal(statSync(`${path}-wal`).size, 0);
});

test('a full disk changes nothing', async (t) => {
  const { db } = await fresh(t);
  const session = await db.acquire();
  await session.query('PRAGMA max_page_count = 3');
  const large = 'x'.repeat(100_000);
  await assert.rejects(session.table('items').insert({ name: large }), DiskFullError);
  session.release();
  assert.equal(await db.table('items').count(), 1);
  await db.table('items').insert({ name: large });
});

test('a server closes its database', async (t) => {
  const { path, db: first } = await fresh(t);
  await first.close();
  const server = { close: (done) => setImmediate(done) };
  // #region shutdown
  const db = await open(path);
  process.once('SIGTERM', () => {
    server.close(async () => {
      await db.close();
    });
  });
  // #endregion shutdown
  assert.ok(existsSync(`${path}-wal`));
  process.kill(process.pid, 'SIGTERM');
  for (let tries = 0; existsSync(`${path}-wal`) && tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(!existsSync(`${path}-wal`));
});

test('close waits for what was accepted', async (t) => {
  const { path, db } = await fresh(t);
  const [done] = await Promise.all([db.table('items').insert({ name: 'chair' }), db.close()]);
  assert.equal(done, 2);
  const again = await open(path);
  assert.equal(await again.table('items').count(), 2);
  await again.close();
});
