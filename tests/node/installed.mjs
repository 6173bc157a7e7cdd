import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { PACKAGE } from './support.mjs';

/**
 * Puts the package where npm would install it in this folder, next to the libraries that it has adapters for: so that all
 * share one copy of them. It is copied only when it is another than before, since test files may run at the same time.
 */
export function install(folder) {
  const installed = join(folder, 'node_modules/ubiqlite');
  const source = dirname(dirname(PACKAGE));
  const wanted = ['package.json', ...readdirSync(join(source, 'dist'), { recursive: true }).map((name) => join('dist', name))].filter((name) => {
    return !name.endsWith('.map') && !name.startsWith(join('dist', 'wasm')) && statSync(join(source, name)).isFile();
  });
  const stamp = (root) => wanted.map((name) => Math.floor(statSync(join(root, name), { throwIfNoEntry: false })?.mtimeMs)).join();
  if (stamp(installed) === stamp(source)) return;
  rmSync(installed, { recursive: true, force: true });
  for (const name of wanted) cpSync(join(source, name), join(installed, name), { preserveTimestamps: true });
}
