// The guide's page about backups: damaged files.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open, recover } from 'ubiqlite';

const ENGINE = await open(':memory:').then(async (db) => (await db.close(), db.engine));
const NATIVE = { skip: ENGINE === 'native' ? false : 'the wasm engine recovers no files' };

test('a damaged file is found and recovered', NATIVE, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [path, saved] = [join(folder, 'app.db'), join(folder, 'saved.db')];
  const sound = await open(path);
  await sound.batch('CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX by_body ON notes (body)');
  await sound.table('notes').insert({ body: 'buy milk' });
  await sound.close();
  const bytes = readFileSync(path);
  bytes.fill(0x5a, 8192, 8200); // The first bytes of the index.
  writeFileSync(path, bytes);
  const told = [];
  const console = { error: (...words) => told.push(words), log: (...words) => told.push(words) };
  const db = await open(path);
  // #region check
  const damages = await db.check();
  for (const { kind, table, message } of damages) console.error(kind, table, message);
  if (damages.length > 0) await db.recover(saved);
  // #endregion check
  await db.close();
  assert.ok(told.length > 0);
  rmSync(saved);
  bytes.fill(0x5a, 0, 16); // What tells a database from other files.
  writeFileSync(path, bytes);
  await assert.rejects(open(path));
  // #region recover
  const { tables } = await recover(path, saved);
  for (const [table, rows] of tables) console.log(`${table}: ${rows} rows`);
  // #endregion recover
  assert.deepEqual([...tables], [['notes', 1]]);
  const again = await open(saved);
  assert.deepEqual(await again.check(), []);
  await again.close();
});
