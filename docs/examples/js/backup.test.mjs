// The guide's page about backups.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { deserialize, open } from 'ubiqlite';

/** Returns a database with one note, and the folder that it is in. */
async function notes(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  const db = await open(join(folder, 'app.db'));
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  await db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes (body) VALUES ('buy milk')");
  return { db, folder };
}

const count = (db) => db.queryValue('SELECT count(*) FROM notes');
const ENGINE = await open(':memory:').then(async (db) => (await db.close(), db.engine));
const INTO_FILES = { skip: ENGINE === 'native' ? false : 'the wasm engine copies as bytes' };

test('a copy is made and restored', INTO_FILES, async (t) => {
  const { db, folder } = await notes(t);
  const daily = join(folder, 'daily.db');
  // #region file
  await db.backup(daily, { overwrite: true });
  // #endregion file
  await db.execute('DELETE FROM notes');
  // #region restore
  await db.restore(daily);
  // #endregion restore
  assert.equal(await count(db), 1);
  const copy = await open(daily);
  assert.equal(await count(copy), 1);
  await copy.close();
});

test('a copy tells how far it is', INTO_FILES, async (t) => {
  const { db, folder } = await notes(t);
  const told = [];
  const path = join(folder, 'copy.db');
  {
    const console = { log: (text) => told.push(text) };
    // #region progress
    await db.backup(path, {
      onProgress: ({ done, total }) => console.log(`${done} of ${total} pages`),
      signal: AbortSignal.timeout(60_000), // ends the copy, and removes what there is of it
    });
    // #endregion progress
  }
  const pages = await db.queryValue('PRAGMA page_count');
  assert.equal(told.at(-1), `${pages} of ${pages} pages`);
  const small = join(folder, 'small.db');
  // #region compact
  await db.backup(small, { compact: true });
  // #endregion compact
  assert.ok(existsSync(small));
});

test('a copy is read as bytes', async (t) => {
  const { db } = await notes(t);
  const received = [];
  const upload = async (chunk) => received.push(chunk);
  // #region stream
  const reader = db.backupStream().getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) await upload(step.value);
  // #endregion stream
  await db.execute('DELETE FROM notes');
  const blob = new Blob(received);
  // #region restore_bytes
  await db.restore(blob); // or a buffer, or a stream
  // #endregion restore_bytes
  assert.equal(await count(db), 1);
  // #region memory
  const bytes = await db.serialize();
  const copy = await deserialize(bytes);
  // #endregion memory
  assert.equal(await count(copy), 1);
  await copy.close();
});
