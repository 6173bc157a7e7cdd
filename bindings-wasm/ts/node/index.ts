/**
 * SQLite files in Node: `open('./app.db')` works on the real file, in a worker
 * thread, with a lock that dies with its process.
 *
 * @module
 */
import '../dispose.js';
import { type Database, type DatabaseOptions, checkPath, engineOptions, openDatabase } from '../api/database.js';
import { connector } from './connector.js';

export * from '../index.js';
export type { ImportSource } from '../api/import.js';
export { exportFile, importFile, list, remove } from './storage.js';

/** How a database is opened. */
export interface OpenOptions extends DatabaseOptions {
  /** Gives the opening up. */
  signal?: AbortSignal;
  /** How long the opening may take, in milliseconds; then it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
}

/**
 * Opens a database file, which is created if it is missing, or `:memory:`.
 *
 * While it is open the file is this process's alone: another one that opens it
 * with this package waits for `busyTimeout` and is then told who has it. Once it
 * is closed it is an ordinary SQLite file.
 *
 * ```js
 * import { open } from 'ubiqlite';
 * const db = await open('./app.db');
 * await db.execute('CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)');
 * const id = await db.table('items').insert({ name: 'lamp' });
 * await db.close();
 * ```
 *
 * @throws {@link UbiqliteError} `CannotOpen` for a missing directory, a directory, or a file without permission;
 * `NotADatabase`; `Corrupt`; `ReadOnly`; `Busy` with the holder's name. Each names the path
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  checkPath(path);
  const { signal, timeout } = options;
  const storage = path === ':memory:' ? 'memory' : 'file';
  return openDatabase(path, options, connector(path, storage, engineOptions(options)), { signal, timeout });
}
