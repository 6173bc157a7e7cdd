/** In-memory databases whose statements name a file, and options that do not exist. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { database, failure, folder, ubiqlite } from './support.mjs';

/** Makes a file that an in-memory database should be able to read, or say that it can't. */
async function file(t) {
  const { db, path } = await database(t, {}, 'CREATE TABLE t(a); INSERT INTO t VALUES (7)');
  await db.close();
  return path;
}

test('VACUUM INTO from memory makes the file, or says Unsupported', async (t) => {
  const into = join(folder(t), 'saved.db');
  const db = await ubiqlite.open(':memory:');
  t.after(() => db.close());
  await db.batch('CREATE TABLE t(a); INSERT INTO t VALUES (7)');
  const error = await db.execute('VACUUM INTO ?', [into]).then(() => undefined, (error) => error);
  if (error === undefined) {
    const saved = await ubiqlite.open(into, { create: false });
    t.after(() => saved.close());
    assert.equal(await saved.queryValue('SELECT a FROM t'), 7);
    return;
  }
  assert.ok(error instanceof ubiqlite.UnsupportedError, `${error}`);
  assert.match(error.message, /VACUUM INTO/);
  assert.ok(!existsSync(into));
  assert.equal(await db.queryValue('SELECT a FROM t'), 7, 'and the database goes on');
});

test('ATTACH of a file to a database in memory reads the file, or says Unsupported', async (t) => {
  const path = await file(t);
  const db = await ubiqlite.open(':memory:');
  t.after(() => db.close());
  const session = await db.acquire();
  const error = await session.execute('ATTACH ? AS other', [path]).then(() => undefined, (error) => error);
  if (error === undefined) assert.equal(await session.queryValue('SELECT a FROM other.t'), 7);
  else assert.ok(error instanceof ubiqlite.UnsupportedError && error.message.includes('ATTACH'), `${error}`);
  await session.execute("ATTACH ':memory:' AS more");
  await session.execute('CREATE TABLE more.t(a)');
  session.release();
});

test('what is done with files by name says Unsupported of memory', async (t) => {
  const before = process.cwd();
  const here = folder(t);
  process.chdir(here);
  t.after(() => process.chdir(before));
  const { exportFile, importFile, remove } = ubiqlite;
  for (const begin of [() => exportFile(':memory:'), () => importFile(':memory:', new Uint8Array(0)), () => remove(':memory:')]) {
    const error = await failure(begin());
    assert.ok(error instanceof ubiqlite.UnsupportedError, `${error}`);
  }
  assert.deepEqual(readdirSync(here), []);
});

const WRONG = {
  'storage: memory, which is the browser’s': { storage: 'memory' },
  'storage: file': { storage: 'file' },
  'persist, which is the browser’s': { persist: true },
  'a mode of the journal that there is not': { journalMode: 'off' },
  'a kind of synchronous': { synchronous: 'none' },
  'a number for synchronous': { synchronous: 1 },
  'a text for a boolean': { readOnly: 'true' },
  'a text for bigint': { bigint: 'no' },
  'a negative time': { busyTimeout: -1 },
  'half a millisecond': { busyTimeout: 0.5 },
  'a text for a time': { acquireTimeout: '5' },
  'null for a boolean': { create: null },
  'a name in lower case': { busytimeout: 5 },
  'a name of every object': { constructor: 1 },
  'a timeout that is none': { timeout: -1 },
};
for (const [what, options] of Object.entries(WRONG)) {
  test(`${what}: the option is refused, and no file is made`, async (t) => {
    const path = join(folder(t), 'app.db');
    const error = await failure(ubiqlite.open(path, options));
    assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${error}`);
    assert.ok(!existsSync(path));
  });
}
