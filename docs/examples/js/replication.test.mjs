// The guide's page about continuous backup.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open, restoreReplica } from 'ubiqlite';

const ENGINE = await open(':memory:').then(async (db) => (await db.close(), db.engine));
const NATIVE = { skip: ENGINE === 'native' ? false : 'the wasm engine keeps no replicas' };
const NOTES = "CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES ('buy milk')";

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

async function bodyIn(path) {
  const db = await open(path);
  const body = await db.queryValue('SELECT body FROM notes');
  await db.close();
  return body;
}

test('a database is replicated and restored', NATIVE, async (t) => {
  const dir = folder(t);
  const [path, backup, restored] = [join(dir, 'app.db'), join(dir, 'backup'), join(dir, 'restored.db')];
  // #region replicate
  const db = await open(path);
  const replica = await db.replicate(backup, { interval: 500, keep: 30 * 24 * 3600 * 1000 });
  // #endregion replicate
  await db.batch(NOTES);
  // #region flush
  await replica.flush();
  // #endregion flush
  // #region state
  const { transaction, lag, error } = await replica.state();
  console.log(transaction, 'transactions are stored,', lag, 'are not yet');
  if (error !== undefined) console.error('the backup has stopped:', error);
  // #endregion state
  assert.equal(lag, 0);
  const time = new Date();
  // #region restore
  await restoreReplica(backup, restored, { time });
  // #endregion restore
  assert.equal(await bodyIn(restored), 'buy milk');
  await db.close();
});

test('a program keeps the files itself', NATIVE, async (t) => {
  const dir = folder(t);
  const [path, restored] = [join(dir, 'app.db'), join(dir, 'restored.db')];
  const db = await open(path);
  // Stands in for the client of an object store.
  const objects = new Map();
  // #region storage
  const bucket = {
    async put(name, content) {
      objects.set(name, await new Response(content).arrayBuffer());
    },
    list: async () => objects.keys(),
    get: async (name) => objects.get(name),
    async remove(name) {
      objects.delete(name);
    },
  };
  // #endregion storage
  // #region bucket
  await db.replicate(bucket);
  // #endregion bucket
  await db.batch(NOTES);
  await db.close();
  await restoreReplica(bucket, restored);
  assert.equal(await bodyIn(restored), 'buy milk');
});
