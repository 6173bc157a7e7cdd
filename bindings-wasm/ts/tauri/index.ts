/**
 * SQLite in the pages of a Tauri app, by the engine in the app's own process: the plugin
 * `tauri-plugin-ubiqlite`.
 *
 * @module
 */
import '../dispose.js';
import { type Database, type DatabaseOptions, openDatabase } from '../api/database.js';
import { checkPath, engineOptions } from '../api/engine-options.js';
import { TauriConnector } from './connector.js';

export * from '../index.js';

/** How a database is opened. */
export interface OpenOptions extends DatabaseOptions {
  /** Cancels the opening. */
  signal?: AbortSignal;
  /** How long the opening may take, in milliseconds, before it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
}

/**
 * Opens a database file in the app's data folder, creating it if it is missing, or `:memory:`. An absolute path needs
 * the app's permission, by `Builder::allow` of the plugin.
 *
 * All pages that open the same file with the same options share it: their transactions wait for each other. A page
 * that is left, reloaded or closed leaves nothing open; its transactions are rolled back.
 *
 * ```js
 * import { open } from 'ubiqlite/tauri';
 * const db = await open('app.db');
 * await db.execute('CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)');
 * const id = await db.table('items').insert({ name: 'lamp' });
 * ```
 *
 * @throws {@link UbiqliteError} `InvalidArgument` for a path that the app does not allow; `CannotOpen`, `NotADatabase`,
 * `Corrupt`, `ReadOnly`, `Busy`; `Unsupported` without the plugin, or without its permission for this window
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  checkPath(path);
  const { signal, timeout } = options;
  return openDatabase(path, options, new TauriConnector(path, engineOptions(options)), { signal, timeout });
}
