import { MEMORY, databaseName, directoryName } from './names.js';

/**
 * Where databases are in the origin's private file system: the directory `ubiqlite/`
 * holds one directory per database.
 *
 * A database's directory holds its files, each name prefixed with the number of a
 * generation: `1.main`, `1.main-wal`, `1.main-journal`, and an empty file `1.valid`. The
 * generation whose `valid` exists is the database, or the highest one if a crash left two.
 * So an imported file becomes the database, or a database is removed, by creating or
 * removing one directory entry. Whenever the tab dies, the database is entirely the old
 * or entirely the new one, and no log of the old one can meet the file of the new one.
 * Files of no valid generation are cleared away at the next opening.
 */
const ROOT = 'ubiqlite';

export const MAIN = 'main';

/** The files of a database, by the suffix of their name in SQLite. */
export const SUFFIXES = ['', '-wal', '-journal'] as const;

export async function root(): Promise<FileSystemDirectoryHandle> {
  const storage = await navigator.storage.getDirectory();
  return storage.getDirectoryHandle(ROOT, { create: true });
}

/** Returns the directory of a database, created if it is missing. */
export async function directory(name: string): Promise<FileSystemDirectoryHandle> {
  return (await root()).getDirectoryHandle(directoryName(name), { create: true });
}

/** Returns the directory of a database, if there is one. */
export async function existingDirectory(name: string): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await (await root()).getDirectoryHandle(directoryName(name));
  } catch (error) {
    if (isNamed(error, 'NotFoundError')) return undefined;
    throw error;
  }
}

/** The contents of a database's directory. */
export interface Contents {
  /** The generation that is the database; 0 if none is. */
  valid: number;
  /** A generation number that no file here has. */
  next: number;
  /** Files that belong to no valid generation. */
  stale: string[];
}

export async function contents(within: FileSystemDirectoryHandle): Promise<Contents> {
  const names: string[] = [];
  for await (const name of within.keys()) names.push(name);
  let valid = 0;
  let highest = 0;
  for (const name of names) {
    const generation = generationOf(name);
    highest = Math.max(highest, generation);
    if (name === markerOf(generation)) valid = Math.max(valid, generation);
  }
  return { valid, next: highest + 1, stale: names.filter((name) => generationOf(name) !== valid) };
}

const generationOf = (name: string): number => Number(/^(\d{1,15})\./.exec(name)?.[1] ?? -1);

/** Returns the file whose presence makes a generation the database. */
export const markerOf = (generation: number): string => `${generation}.valid`;

/** Returns the name of one of a generation's files. */
export const fileOf = (generation: number, suffix: string): string => `${generation}.${MAIN}${suffix}`;

/** Makes a generation the database. */
export async function mark(within: FileSystemDirectoryHandle, generation: number): Promise<void> {
  await within.getFileHandle(markerOf(generation), { create: true });
}

/** Removes the files that can be removed, and leaves the others for next time. */
export async function clear(within: FileSystemDirectoryHandle, names: Iterable<string>): Promise<void> {
  for (const name of names) await within.removeEntry(name).catch(() => {});
}

/** Returns the directory of the files whose removal stops a running call on this database. */
export function stopFiles(name: string): Promise<FileSystemDirectoryHandle | undefined> {
  return name === MEMORY ? stops() : existingDirectory(name);
}

/** Files of a worker that is gone are kept no longer than this, in milliseconds. */
const STOPS_KEPT = 24 * 3600 * 1000;

/**
 * Returns the directory of the files whose removal stops calls on databases in memory.
 * Their worker ends without a word, so the next worker clears away old ones.
 */
export async function stops(): Promise<FileSystemDirectoryHandle> {
  return (await root()).getDirectoryHandle('.stops', { create: true });
}

export async function clearStops(within: FileSystemDirectoryHandle): Promise<void> {
  const names: string[] = [];
  for await (const name of within.keys()) names.push(name);
  for (const name of names) {
    const made = await within.getFileHandle(name).then((handle) => handle.getFile());
    if (Date.now() - made.lastModified > STOPS_KEPT) await within.removeEntry(name);
  }
}

/** Returns the size of the database's main file in bytes; 0 if there is no database. */
export async function mainSize(within: FileSystemDirectoryHandle): Promise<number> {
  const { valid } = await contents(within);
  if (valid === 0) return 0;
  try {
    const file = await within.getFileHandle(fileOf(valid, ''));
    return (await file.getFile()).size;
  } catch (error) {
    if (isNamed(error, 'NotFoundError')) return 0;
    throw error;
  }
}

/** Yields every database of this origin. */
export async function* databases(): AsyncGenerator<[name: string, within: FileSystemDirectoryHandle]> {
  for await (const [entry, handle] of (await root()).entries()) {
    const name = databaseName(entry);
    if (handle.kind === 'directory' && name !== undefined) {
      yield [name, handle as FileSystemDirectoryHandle];
    }
  }
}

export function isNamed(error: unknown, name: string): boolean {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === name;
}
