/** The package as npm would install it, next to the libraries that it has adapters for: so that all share one copy of them. */

import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PACKAGE, folder, within } from './support.mjs';

export { ENGINE, PACKAGE, failure, folder, only, pause, within } from './support.mjs';

/** How long anything may take on a busy machine, in ms. */
export const LIMIT = 30_000;

/** Returns the function that opens a database in a new folder by `open`, and closes it after its test. */
export function opening(open) {
  return async (t, options = {}, path = join(folder(t), 'app.db')) => {
    const db = await open(path, options);
    t.after(() => within(LIMIT, db.close(), 'close'));
    return db;
  };
}

/** Copies the package into the `node_modules` beside a script, if it is another one there: test files may run at the same time. */
export function install(script) {
  const installed = join(fileURLToPath(new URL('.', script)), 'node_modules/ubiqlite');
  const source = dirname(dirname(PACKAGE));
  const wanted = ['package.json', ...readdirSync(join(source, 'dist'), { recursive: true }).map((name) => join('dist', name))].filter((name) => {
    return !name.endsWith('.map') && !name.startsWith(join('dist', 'wasm')) && statSync(join(source, name)).isFile();
  });
  const stamp = (root) => wanted.map((name) => Math.floor(statSync(join(root, name), { throwIfNoEntry: false })?.mtimeMs)).join();
  if (stamp(installed) === stamp(source)) return;
  rmSync(installed, { recursive: true, force: true });
  for (const name of wanted) cpSync(join(source, name), join(installed, name), { preserveTimestamps: true });
}
