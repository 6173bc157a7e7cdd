/** Typical uses in a page of a Tauri app, as the compiler sees them; never run. Wrong lines must be errors. */

import { invoke } from '@tauri-apps/api/core';
import { type Database, type OpenOptions, type Transaction, UbiqliteError, open } from 'ubiqlite/tauri';

interface Item {
  id: number;
  name: string;
}

export async function uses(): Promise<void> {
  const options: OpenOptions = { timeout: 1000, signal: new AbortController().signal, readers: 2 };
  const db: Database = await open('app.db', options);
  const items: Item[] = await db.query<Item>('SELECT * FROM items WHERE id > ?', [1]);
  const named: number = await db.transaction(async (tx: Transaction) => {
    await tx.execute('UPDATE items SET name = ?', ['lamp']);
    return tx.table<Item>('items').count();
  });
  // What Tauri's own API returns is stored.
  const path = await invoke<string>('where_the_file_is');
  await db.execute('INSERT INTO items (name) VALUES (?)', [path]);
  for await (const { rows } of db.watch<Item>('SELECT * FROM items')) void rows[0]?.name;
  try {
    await db.close();
  } catch (error) {
    if (error instanceof UbiqliteError && error.kind === 'Busy') void error.message;
  }
  // @ts-expect-error the path is a text
  await open(new URL('app.db', import.meta.url));
  // @ts-expect-error the engine is the app's
  await open('app.db', { engine: 'wasm' });
  // @ts-expect-error an Item has no such column
  items[0]?.nmae;
  // @ts-expect-error undefined is not a value
  await db.execute('SELECT ?', [undefined]);
  void named;
}
