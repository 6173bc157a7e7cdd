/**
 * SQLite in the browser: `open('app.db')` is a durable database, the same in every
 * tab and worker of the origin.
 *
 * @module
 */
import '../dispose.js';
import { type Database, type DatabaseOptions, checkPath, engineOptions, openDatabase } from '../api/database.js';
import { exported } from '../api/export.js';
import { connector } from './connector.js';

export * from '../index.js';
export { list, remove } from './catalog.js';
export type { ImportSource } from '../api/import.js';
export { importFile } from './transfer.js';

/** How a database is opened. */
export interface OpenOptions extends DatabaseOptions {
  /**
   * Where it is kept: `'opfs'`, the origin's private file system, or `'memory'`,
   * for the life of this page. Never the one in place of the other. Default: `'opfs'`.
   */
  storage?: 'opfs' | 'memory';
  /** Gives the opening up. */
  signal?: AbortSignal;
  /** How long the opening may take, in milliseconds; then it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
}

/**
 * Opens a database of this origin by its name, which is created if it is missing,
 * or `:memory:`.
 *
 * It starts its own worker and needs no headers. Every tab and worker may open the
 * same name: one leads, and when it goes, another takes over.
 *
 * ```js
 * import { open } from 'ubiqlite';
 * const db = await open('app.db');
 * await db.execute('CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)');
 * const id = await db.table('items').insert({ name: 'lamp' });
 * ```
 *
 * @throws {@link UbiqliteError} `Unsupported` that says what is missing (a secure context, OPFS, …); `InvalidArgument`
 * for a name that can't be one; `NotADatabase`; `Corrupt`
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  checkPath(path);
  const { signal, timeout, storage = 'opfs' } = options;
  return openDatabase(path, options, connector(path, storage, engineOptions(options)), { signal, timeout });
}

/**
 * The database as an ordinary SQLite file, piece by piece: of one moment, whatever
 * is written meanwhile, and with memory for a few pages.
 *
 * ```js
 * const blob = await new Response(await exportFile('app.db')).blob();
 * ```
 *
 * @throws {@link CannotOpenError} if there is no such database
 */
export async function exportFile(name: string): Promise<ReadableStream<Uint8Array>> {
  return exported(await open(name, { create: false }));
}
