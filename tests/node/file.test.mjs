/** The file is an ordinary SQLite file. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { database, filesBeside, folder, installed, outside, ubiqlite } from './support.mjs';

const noPython = (await installed('python3')) ? false : 'python3 is not installed: no other tool to read with';

const ROWS = `
  CREATE TABLE t(id INTEGER PRIMARY KEY, a);
  INSERT INTO t(a) VALUES (1), ('größe 𝄞'), (NULL), (2.5), (9007199254740993), (CAST('bytes' AS BLOB));
  CREATE VIRTUAL TABLE docs USING fts5(body);
  INSERT INTO docs VALUES ('a small lamp');`;

for (const journalMode of ['wal', 'delete', 'truncate', 'persist', 'memory']) {
  test(`another tool opens the file once it is closed, journal mode ${journalMode}`, { skip: noPython }, async (t) => {
    const { db, path } = await database(t, { journalMode }, ROWS);
    await db.close();
    const rows = await outside(path, 'SELECT typeof(a), CAST(a AS TEXT) FROM t ORDER BY id');
    assert.deepEqual(rows, [
      ['integer', '1'], ['text', 'größe 𝄞'], ['null', null], ['real', '2.5'],
      ['integer', '9007199254740993'], ['blob', 'bytes'],
    ]);
  });
}

test('a file that another tool made and left in WAL mode is read and written', { skip: noPython }, async (t) => {
  const path = join(folder(t), 'app.db');
  const script = 'import sqlite3, sys, os\n'
    + 'db = sqlite3.connect(sys.argv[1], isolation_level=None)\n'
    + 'db.execute("PRAGMA journal_mode=WAL")\n'
    + 'db.execute("CREATE TABLE t(a)")\n'
    + 'db.execute("INSERT INTO t VALUES (7)")\n'
    + 'os._exit(0)';
  await promisify(execFile)('python3', ['-c', script, path]);
  assert.ok(statSync(`${path}-wal`).size > 0, 'the other tool left what it wrote in its log');
  const db = await ubiqlite.open(path);
  assert.equal(await db.queryValue('SELECT a FROM t'), 7);
  await db.execute('INSERT INTO t VALUES (8)');
  await db.close();
  assert.deepEqual(await outside(path, 'SELECT a FROM t ORDER BY a'), [[7], [8]]);
});

test('after close the file is alone: no log, no journal, no lock', async (t) => {
  const { db, path } = await database(t, {}, 'CREATE TABLE t(a)');
  assert.ok(filesBeside(path).length > 1, 'while it is open there is a log or a lock');
  await db.close();
  assert.deepEqual(filesBeside(path), ['app.db']);
});

test('a memory database touches no file', async (t) => {
  const before = filesBeside(join(process.cwd(), 'x'));
  const db = await ubiqlite.open(':memory:');
  await db.batch(ROWS);
  await db.close();
  assert.deepEqual(filesBeside(join(process.cwd(), 'x')), before);
  assert.ok(!existsSync(':memory:'));
});

test('a relative path means the folder of the program at the time of the open', async (t) => {
  const [first, second] = [folder(t), folder(t)];
  const was = process.cwd();
  t.after(() => process.chdir(was));
  process.chdir(first);
  const db = await ubiqlite.open('app.db');
  process.chdir(second);
  await db.execute('CREATE TABLE t(a)');
  await db.close();
  assert.ok(existsSync(join(first, 'app.db')));
  assert.ok(!existsSync(join(second, 'app.db')));
});

test('a path through a symbolic link is the same database', async (t) => {
  const { symlinkSync } = await import('node:fs');
  const { db, path } = await database(t, {}, 'CREATE TABLE t(a)');
  const link = join(folder(t), 'link.db');
  symlinkSync(path, link);
  const other = await ubiqlite.open(link);
  await other.execute('INSERT INTO t VALUES (1)');
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1);
  await other.close();
});
