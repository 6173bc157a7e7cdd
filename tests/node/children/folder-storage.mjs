/** A program's own storage, in a folder: it refuses nobody. */

import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** Returns the storage of the folder, which need not exist. */
export function filesIn(folder) {
  const place = (name) => join(folder, ...name.split('/'));
  return {
    async put(name, content) {
      const bytes = new Uint8Array(await new Response(content).arrayBuffer());
      mkdirSync(dirname(place(name)), { recursive: true });
      writeFileSync(place(name), bytes);
    },
    list() {
      mkdirSync(folder, { recursive: true });
      const paths = readdirSync(folder, { recursive: true }).map((name) => join(folder, name));
      return paths.filter((path) => statSync(path).isFile()).map((path) => relative(folder, path).split(sep).join('/'));
    },
    get(name) {
      try {
        return readFileSync(place(name));
      } catch (error) {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    remove: (name) => rmSync(place(name)),
  };
}
