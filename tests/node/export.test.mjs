/** Exporting a database to a file, and importing a file, while other calls continue. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ENGINE, database, failure, filesBeside, folder, outside, ubiqlite } from './support.mjs';

const { exportFile, importFile } = ubiqlite;
const SCHEMA = `CREATE TABLE t(id INTEGER PRIMARY KEY, data BLOB);
  WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 3000)
  INSERT INTO t(data) SELECT randomblob(1000) FROM r`;

async function bytesOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

test('a database is exported as it is at one moment, log included, while it is written', async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const stream = await exportFile(path);
  const reader = stream.getReader();
  const parts = [(await reader.read()).value];
  await db.execute('DELETE FROM t WHERE id % 2 = 0');
  await db.execute("UPDATE t SET data = 'changed'");
  for (let step = await reader.read(); !step.done; step = await reader.read()) parts.push(step.value);
  const copy = join(folder(t), 'copy.db');
  writeFileSync(copy, Buffer.concat(parts));
  assert.deepEqual(await outside(copy, 'SELECT count(*), sum(length(data)) FROM t'), [[3000, 3_000_000]]);
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1500);
});

test('what was exported is imported as it was, and nothing is left beside it', async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const sum = await db.queryValue("SELECT group_concat(hex(substr(data, 1, 4)), '') FROM t");
  await db.close();
  const copy = join(folder(t), 'copy.db');
  await importFile(copy, await exportFile(path));
  const other = await ubiqlite.open(copy);
  assert.equal(other.engine, ENGINE);
  assert.equal(await other.queryValue("SELECT group_concat(hex(substr(data, 1, 4)), '') FROM t"), sum);
  await other.close();
  assert.deepEqual(filesBeside(copy), ['copy.db']);
  assert.deepEqual(filesBeside(path), ['app.db']);
  // The same bytes, except for the two that say how it is written.
  assert.equal((await bytesOf(await exportFile(copy))).length, (await bytesOf(await exportFile(path))).length);
});

test('a database that is not there is not exported, and one that is open is not replaced', async (t) => {
  const { path } = await database(t, {}, SCHEMA);
  assert.equal((await failure(exportFile(join(folder(t), 'none.db')))).kind, 'CannotOpen');
  const bytes = await bytesOf(await exportFile(path));
  assert.equal((await failure(importFile(path, bytes, { replace: true }))).kind, 'Busy');
});
