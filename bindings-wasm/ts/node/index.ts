/**
 * SQLite files in Node: `open('./app.db')` works on the real file, in a worker
 * thread, with a lock that ends with its process.
 *
 * @module
 */
import '../dispose.js';
import { folders } from '../api/migration-files.js';
import { paths } from '../api/paths.js';
import { type Recovered, recoverFile } from '../api/recover.js';
import type { ReplicaStorage } from '../api/replica-storage.js';
import { type RestoreReplicaOptions, restored } from '../api/replicate.js';
import { type DatabaseBytes, deserialized } from '../api/restore.js';
import type { CallOptions } from '../client/options.js';
import { making } from '../wire/make.js';
import { channels } from '../client/tracer.js';
import { callChannel } from './calls.js';
import { makerOf } from './make.js';
import { filesOf } from './migration-folder.js';
import { type Database, type DatabaseOptions, openDatabase } from '../api/database.js';
import { checkPath, engineOptions } from '../api/engine-options.js';
import { type EngineName, connector } from './connector.js';
import { failure } from './failure.js';
import { pathOf } from './path.js';

making.by = makerOf;
channels.calls = callChannel();
folders.read = filesOf;
paths.resolve = (path) => pathOf(path, 'the path of a copy');

export * from '../index.js';
export type { ImportSource } from '../api/import.js';
export type { EngineName } from './connector.js';
export { exportFile, importFile, list, remove } from './storage.js';

/** How a database is opened. */
export interface OpenOptions extends DatabaseOptions {
  /** Cancels the opening. */
  signal?: AbortSignal;
  /** How long the opening may take, in milliseconds, before it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
  /**
   * The engine that runs the SQL: `'native'`, in this process and with SQLite's own file locks, or `'wasm'`, in a
   * worker thread. Default: the value of the environment variable `UBIQLITE_ENGINE`, or native if this machine has
   * one, otherwise wasm. {@link Database.engine} returns the one in use.
   */
  engine?: EngineName;
}

/**
 * Opens a database file, which is created if it is missing, or `:memory:`.
 *
 * With the native engine, any number of processes and threads share a file, along with
 * other programs that use SQLite. The wasm engine has no file locks and keeps the file to
 * its own process. Another process that opens it with this package, with either engine,
 * waits for `busyTimeout`; the error then names the holder. Once closed, it is an ordinary
 * SQLite file.
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
 * `NotADatabase`; `Corrupt`; `ReadOnly`; `Busy`, naming the holder. Each names the path. `Unsupported` for
 * `{ engine: 'native' }` where there is none; it says what to install
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

/** How a database in memory is opened with the content of a file. */
export type DeserializeOptions = Omit<OpenOptions, 'create' | 'readOnly' | 'migrations'>;

/**
 * Opens a database in memory with the content of these bytes, which are those of a database file.
 *
 * ```js
 * const copy = await deserialize(await db.serialize());
 * ```
 * @param source the bytes, or a `Blob` or stream of them
 * @throws {@link UbiqliteError} `NotADatabase`, `Corrupt`; `InvalidArgument` if its texts are not in UTF-8
 */
export async function deserialize(source: DatabaseBytes, options: DeserializeOptions = {}): Promise<Database> {
  if ('migrations' in options) throw failure('InvalidArgument', 'migrations are run once it is open, by migrations()');
  return deserialized(() => open(':memory:', options), source, { signal: options.signal, timeout: options.timeout });
}

/**
 * Writes all that can be read of the damaged database file `from` into the new database file `to`: as
 * {@link Database.recover}, of a file that need not be open, and perhaps can't be opened. Others may have it open.
 *
 * ```js
 * const { tables, lostAndFound } = await recover('./damaged.db', './saved.db');
 * for (const [table, rows] of tables) console.log(table, rows);
 * ```
 * @throws {@link UbiqliteError} `CannotOpen` if `from` does not exist, or `to` can't be created; `InvalidArgument` if `to`
 * exists; `NotADatabase` if nothing in the file is of a database; `Unsupported` without the native engine
 */
export async function recover(from: string | URL, to: string | URL, options: CallOptions = {}): Promise<Recovered> {
  const db = await open(':memory:', options);
  try {
    return await recoverFile(db['target'], from, to, options);
  } finally {
    await db.close();
  }
}

/**
 * Makes the database of a moment of the replica `from`, in the new file `path`, which gets its name when it is complete: the
 * newest moment, or that of a transaction or a time. Returns the number of its last transaction. All checksums are verified,
 * so what is restored is what was there. The replica may be written to meanwhile.
 *
 * ```js
 * await restoreReplica('./backup', './yesterday.db', { time: new Date(Date.now() - 24 * 3600 * 1000) });
 * ```
 * @param from the path of the folder of {@link Database.replicate}, or its URL; or a storage of the program's own
 * @throws {@link UbiqliteError} `NotFound` if there is no replica, no such moment of it, or a file is missing; `Corrupt` for a
 * damaged file, which the message names; `InvalidArgument` if `path` exists; `Unsupported` without the native engine. There is
 * no file then
 */
export async function restoreReplica(
  from: string | URL | ReplicaStorage,
  path: string | URL,
  options: RestoreReplicaOptions = {},
): Promise<number> {
  const db = await open(':memory:', { signal: options.signal, timeout: options.timeout });
  try {
    return await restored(db['target'], from, path, options);
  } finally {
    await db.close();
  }
}
