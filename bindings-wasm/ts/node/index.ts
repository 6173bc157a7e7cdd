/**
 * SQLite files in Node: `open('./app.db')` works on the real file, in a worker
 * thread, with a lock that dies with its process.
 *
 * @module
 */
import '../dispose.js';
import { making } from '../wire/make.js';
import { makerOf } from './make.js';
import { type Database, type DatabaseOptions, checkPath, engineOptions, openDatabase } from '../api/database.js';
import { type EngineName, connector } from './connector.js';
import { failure } from './failure.js';

making.by = makerOf;

export * from '../index.js';
export type { ImportSource } from '../api/import.js';
export { exportFile, importFile, list, remove } from './storage.js';

/** How a database is opened. */
export interface OpenOptions extends DatabaseOptions {
  /** Gives the opening up. */
  signal?: AbortSignal;
  /** How long the opening may take, in milliseconds; then it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
  /**
   * What runs the SQL: `'native'`, in this process and with SQLite's own file locks, or `'wasm'`, in a worker
   * thread. Default: what the environment variable `UBIQLITE_ENGINE` says, or native where there is one for this
   * machine. {@link Database.engine} tells which it is.
   */
  engine?: EngineName;
}

/**
 * Opens a database file, which is created if it is missing, or `:memory:`.
 *
 * With the native engine any number of processes and threads share a file, and other
 * programs that use SQLite. The wasm engine, which has no file locks, keeps it for its
 * process alone: another one that opens it with this package, with whichever engine,
 * waits for `busyTimeout` and is then told who has it. Once it is closed it is an
 * ordinary SQLite file.
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
 * `NotADatabase`; `Corrupt`; `ReadOnly`; `Busy` with the holder's name. Each names the path. `Unsupported` for `{ engine: 'native' }` where there is
 * none, which says what to install
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  checkPath(path);
  const { signal, timeout, engine, ...others } = options;
  if ('storage' in others) {
    throw failure('InvalidArgument', "there is no option storage in Node: open(':memory:') makes a database in memory");
  }
  const storage = path === ':memory:' ? 'memory' : 'file';
  return openDatabase(path, others, connector(path, storage, engineOptions(others), engine), { signal, timeout });
}
