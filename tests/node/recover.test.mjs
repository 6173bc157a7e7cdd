/** What is left of a damaged file, in a new one. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { database, failure, folder, only, outside, pause, ubiqlite, within } from './support.mjs';

const { open, recover } = ubiqlite;
const NATIVE = { skip: only('native', 'the wasm engine recovers no files') };
const SCHEMA = `CREATE TABLE items (id INTEGER PRIMARY KEY, data BLOB);
  WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 4000) INSERT INTO items(data) SELECT randomblob(3000) FROM r`;

test('a file that can not be opened is recovered by its path or URL, and is not changed', NATIVE, async (t) => {
  const dir = folder(t);
  const [path, saved] = [join(dir, 'damaged.db'), join(dir, 'saved.db')];
  const db = await open(path);
  await db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'lamp'), (2, 'desk')");
  await db.close();
  const bytes = readFileSync(path);
  bytes.fill(0x5a, 0, 16);
  writeFileSync(path, bytes);
  assert.equal((await failure(open(path))).kind, 'NotADatabase');
  const { tables, lostAndFound } = await recover(pathToFileURL(path), saved);
  assert.deepEqual([[...tables], lostAndFound], [[['items', 2]], 0]);
  assert.deepEqual(await outside(saved, 'SELECT name FROM items ORDER BY id'), [['lamp'], ['desk']]);
  assert.ok(readFileSync(path).equals(bytes));
});

test('what can not be recovered is told with the path, and leaves no file', NATIVE, async (t) => {
  const dir = folder(t);
  const [missing, saved] = [join(dir, 'missing.db'), join(dir, 'saved.db')];
  const gone = await failure(recover(missing, saved));
  assert.deepEqual([gone.kind, gone.path], ['CannotOpen', missing]);
  assert.deepEqual(readdirSync(dir), []);
  writeFileSync(saved, 'mine');
  writeFileSync(missing, '');
  const there = await failure(recover(missing, saved));
  assert.deepEqual([there.kind, there.path], ['InvalidArgument', saved]);
  assert.equal(readFileSync(saved, 'utf8'), 'mine');
  for (const wrong of [undefined, null, 7, '']) assert.equal((await failure(recover(wrong, saved))).kind, 'InvalidArgument');
  const memory = await open(':memory:');
  assert.equal((await failure(memory.recover(join(dir, 'other.db')))).kind, 'InvalidArgument');
  await memory.close();
});

test('one that is aborted or takes too long leaves no file', NATIVE, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const saved = join(path, '..', 'saved.db');
  const noFile = () =>
    within(30_000, (async () => {
      while (readdirSync(join(path, '..')).some((name) => name.startsWith('saved'))) await pause(2);
    })(), 'its part is removed');
  const late = await failure(db.recover(saved, { timeout: 1 }));
  assert.equal(late.kind, 'Timeout');
  await noFile();
  const ends = new AbortController();
  const recovering = failure(db.recover(saved, { signal: ends.signal }));
  setTimeout(() => ends.abort(), 2);
  assert.equal((await recovering).kind, 'Cancelled');
  await noFile();
  assert.equal((await db.recover(saved)).tables.get('items'), 4000);
});

test('an engine that can not do it says what to do instead', { skip: only('wasm', 'the native one can') }, async (t) => {
  const { db, path } = await database(t);
  const saved = join(path, '..', 'saved.db');
  for (const refused of [db.recover(saved), recover(path, saved)]) {
    const error = await failure(refused);
    assert.equal(error.kind, 'Unsupported');
    assert.match(error.message, /native/);
  }
});
