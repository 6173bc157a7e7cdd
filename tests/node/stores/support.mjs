/** The package as npm would install it, next to the libraries that it has adapters for. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { install } from '../installed.mjs';
import { folder, within } from '../support.mjs';

export { ENGINE, PACKAGE, failure, folder, only, pause, within } from '../support.mjs';

/** How long anything may take on a busy machine, in ms. */
export const LIMIT = 30_000;

export const HERE = fileURLToPath(new URL('.', import.meta.url));

install(import.meta.url);

const { open } = await import('ubiqlite');
export { open };

/** Opens a database in a new folder, and closes it after its test. */
export async function database(t, options = {}, path = join(folder(t), 'app.db')) {
  const db = await open(path, options);
  t.after(() => within(LIMIT, db.close(), 'close'));
  return db;
}
