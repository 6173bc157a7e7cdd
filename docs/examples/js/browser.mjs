// The guide's page "Browsers and tabs": `browser.test.mjs` runs each of these functions in a page.

import { DiskFullError, OutcomeUnknownError, UnsupportedError, exportFile, importFile, list, remove } from 'ubiqlite';

// #region open
import { open } from 'ubiqlite';

export async function openItems() {
  const db = await open('app.db');
  await db.batch('CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, name TEXT NOT NULL)');
  return db;
}
// #endregion open

// #region again
/** Adds an item exactly once, also when the tab that leads closes in the middle of it. */
export async function addItem(db, name) {
  const id = crypto.randomUUID();
  for (;;) {
    try {
      await db.execute('INSERT INTO items VALUES (?, ?) ON CONFLICT DO NOTHING', [id, name]);
      return id;
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
    }
  }
}
// #endregion again

export function live(db, refresh) {
  // #region live
  return db.watch('SELECT * FROM items').subscribe(({ rows }) => refresh(rows));
  // #endregion live
}

export async function persistent() {
  // #region persist
  const db = await open('app.db', { persist: true });

  const kept = await navigator.storage.persisted(); // whether the browser has agreed so far
  const { usage, quota } = await navigator.storage.estimate(); // bytes, of the whole origin
  // #endregion persist
  await db.close();
  return { kept, usage, quota };
}

export async function addPhoto(db, bytes) {
  // #region full
  try {
    await db.execute('INSERT INTO photos (bytes) VALUES (?)', [bytes]);
  } catch (error) {
    if (!(error instanceof DiskFullError)) throw error;
    return 'There is no space left. Nothing was changed.';
  }
  // #endregion full
  return 'done';
}

export async function download() {
  // #region export
  const stream = await exportFile('app.db');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await new Response(stream).blob());
  link.download = 'app.db';
  link.click();
  // #endregion export
  return link.href;
}

export async function upload(input) {
  // #region import
  const [file] = input.files; // of an <input type="file">
  await importFile('app.db', file, { replace: true });
  // #endregion import
}

export async function clean() {
  // #region files
  for (const name of await list()) {
    if (name.startsWith('draft-')) await remove(name);
  }
  // #endregion files
}

export async function inMemory() {
  // #region memory
  const db = await open(':memory:');
  // #endregion memory
  await db.execute('CREATE TABLE items (name TEXT)');
  const tables = await db.queryValue('SELECT count(*) FROM sqlite_schema');
  await db.close();
  return tables;
}

export async function openOrMemory() {
  // #region fallback
  const db = await open('app.db').catch((error) => {
    if (!(error instanceof UnsupportedError)) throw error;
    console.warn(`Nothing will be saved: ${error.message}`);
    return open('app.db', { storage: 'memory' });
  });
  // #endregion fallback
  return db;
}
