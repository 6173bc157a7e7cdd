/**
 * SQLite in the browser: `open('app.db')` is a durable database, the same in every
 * tab and worker of the origin.
 *
 * @module
 */
import '../dispose.js';
import { type Database, type DatabaseOptions, openDatabase } from '../api/database.js';
import { checkPath, engineOptions } from '../api/engine-options.js';
import { exported } from '../api/export.js';
import { type DatabaseBytes, deserialized } from '../api/restore.js';
import { failure } from './failure.js';
import { MEMORY } from './names.js';
import { requestPersistence } from './persistence.js';
import { connector } from './connector.js';

export * from '../index.js';
export { list, remove } from './catalog.js';
export type { ImportSource } from '../api/import.js';
export { importFile } from './transfer.js';

/** How a database is opened. */
export interface OpenOptions extends DatabaseOptions {
  /**
   * Where it is kept: `'opfs'`, the origin's private file system, or `'memory'`, for the
   * life of this page. One never replaces the other silently. Default: `'opfs'`.
   */
  storage?: 'opfs' | 'memory';
  /**
   * Asks the browser, once per page, to keep this site's storage when the disk runs full.
   * Otherwise a browser may then remove the data of sites that were not used for a while,
   * all of a site's data at once. Firefox asks the user, others decide on their own. The
   * database opens whatever the decision. Default: false.
   */
  persist?: boolean;
  /** Cancels the opening. */
  signal?: AbortSignal;
  /** How long the opening may take, in milliseconds, before it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
}

/**
 * Opens a database of this origin by its name, creating it if it is missing, or `:memory:`.
 *
 * It starts its own worker and needs no headers. Every tab and worker may open the same
 * name: one leads, and when it goes away, another takes over.
 *
 * ```js
 * import { open } from 'ubiqlite';
 * const db = await open('app.db');
 * await db.execute('CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)');
 * const id = await db.table('items').insert({ name: 'lamp' });
 * ```
 *
 * @throws {@link UbiqliteError} `Unsupported`, saying what is missing (a secure context, OPFS, …); `InvalidArgument`
 * for an invalid name; `NotADatabase`; `Corrupt`
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  checkPath(path);
  const { signal, timeout, storage = 'opfs', persist = false } = options;
  if (storage !== 'opfs' && storage !== 'memory') {
    throw failure('InvalidArgument', `the option storage must be 'opfs' or 'memory', not ${JSON.stringify(storage)}`);
  }
  if (typeof persist !== 'boolean') throw failure('InvalidArgument', 'the option persist must be a boolean');
  const found = connector(path, storage, engineOptions(options, ['storage', 'persist']));
  if (persist && storage === 'opfs') requestPersistence();
  return openDatabase(path, options, found, { signal, timeout });
}

/**
 * Returns the database as an ordinary SQLite file, piece by piece. It is of one moment,
 * whatever is written in the meantime, and takes memory for a few pages.
 *
 * ```js
 * const blob = await new Response(await exportFile('app.db')).blob();
 * ```
 *
 * @throws {@link CannotOpenError} if there is no such database
 */
export async function exportFile(name: string): Promise<ReadableStream<Uint8Array>> {
  if (name === MEMORY) {
    throw failure('Unsupported', 'a database in memory is separate for each one who opens it, and only they can read it');
  }
  return exported(await open(name, { create: false }));
}

/** How a database in memory is opened with the content of a file. */
export type DeserializeOptions = Omit<OpenOptions, 'create' | 'readOnly' | 'migrations' | 'persist' | 'storage'>;

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
