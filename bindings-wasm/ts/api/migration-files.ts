import { invalid } from '../errors.js';
import { aKindOf, isPlain } from '../wire/kinds.js';
import { isPath } from './paths.js';

/**
 * The files of migrations: an object with their texts by their names, as Vite's `import.meta.glob` returns it, an
 * iterable of `[name, text]`, such as a `Map`, or, in Node, the path or file URL of their folder. A relative path is
 * relative to the working directory. Of a name that is a path, the last parts count.
 */
export type MigrationFiles = Readonly<Record<string, string>> | Iterable<readonly [name: string, text: string]> | string | URL;

/** The name and the text of a file. */
export type MigrationFile = readonly [name: string, text: string];

/** Reads the folders of this platform; set by its entry point, if it has any. */
export const folders: { read: ((folder: string | URL) => Promise<readonly MigrationFile[]>) | undefined } = { read: undefined };

/** Returns what reads the files: at once, except those of a folder. @throws InvalidArgumentError */
export function reading(files: unknown): () => readonly MigrationFile[] | Promise<readonly MigrationFile[]> {
  if (isPath(files)) {
    const { read } = folders;
    if (read === undefined) {
      throw invalid(`there are no folders to read migrations from here: give the names and texts of the files, as ${GLOB} returns them`);
    }
    return () => read(files);
  }
  const list = listed(files);
  return () => list;
}

const GLOB = "import.meta.glob('./migrations/*.sql', { query: '?raw', eager: true, import: 'default' })";

function listed(files: unknown): readonly MigrationFile[] {
  if (typeof files !== 'object' || files === null || !(Symbol.iterator in files || isPlain(files))) {
    throw invalid(`migrations must be an object with the texts of the files by their names, or a list of [name, text], not ${aKindOf(files)}`);
  }
  const list: unknown[] = Symbol.iterator in files ? [...(files as Iterable<unknown>)] : Object.entries(files);
  return list.map((file) => {
    const [name, text] = (Array.isArray(file) ? file : []) as unknown[];
    if (typeof name !== 'string') throw invalid(`a migration must be its file's [name, text], not ${aKindOf(file)}`);
    if (typeof text !== 'string') throw invalid(`the text of ${name} must be a string, not ${aKindOf(text)}; Vite returns texts from ${GLOB}`);
    return [name, text];
  });
}
