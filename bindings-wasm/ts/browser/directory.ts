import { MEMORY, databaseName, directoryName } from './names.js';

/**
 * Where databases are in the origin's private file system: the directory
 * `ubiqlite/` holds one directory for each database.
 *
 * A database's directory holds its files with the number of a generation before
 * each name, `1.main`, `1.main-wal`, `1.main-journal`, and an empty file
 * `1.valid`. The generation whose `valid` is there is the database; the highest,
 * if a crash left two. So a file that is brought in becomes the database, or a
 * database is removed, by making or removing one directory entry: whenever the
 * tab dies, the database is wholly the old or wholly the new one, and no log of
 * the old one can meet the file of the new. What belongs to no valid generation
 * is cleared away at the next opening.
 */
const ROOT = 'ubiqlite';

export const MAIN = 'main';

/** The files of a database, by what stands after their name in SQLite. */
export const SUFFIXES = ['', '-wal', '-journal'] as const;

export async function root(): Promise<FileSystemDirectoryHandle> {
  const storage = await navigator.storage.getDirectory();
  return storage.getDirectoryHandle(ROOT, { create: true });
}

/** The directory of a database, made if it is missing. */
export async function directory(name: string): Promise<FileSystemDirectoryHandle> {
  return (await root()).getDirectoryHandle(directoryName(name), { create: true });
}

/** The directory of a database, if there is one. */
export async function existingDirectory(name: string): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await (await root()).getDirectoryHandle(directoryName(name));
  } catch (error) {
    if (isNamed(error, 'NotFoundError')) return undefined;
    throw error;
  }
}

/** What a database's directory holds. */
export interface Contents {
  /** The generation that is the database; 0 if none is. */
  valid: number;
  /** A number that no file here has. */
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

/** The file whose presence makes a generation the database. */
export const markerOf = (generation: number): string => `${generation}.valid`;

/** The name of one of a generation's files. */
export const fileOf = (generation: number, suffix: string): string => `${generation}.${MAIN}${suffix}`;

/** Makes a generation the database. */
export async function mark(within: FileSystemDirectoryHandle, generation: number): Promise<void> {
  await within.getFileHandle(markerOf(generation), { create: true });
}

/** Removes what can be removed; what cannot is left for the next time. */
export async function clear(within: FileSystemDirectoryHandle, names: Iterable<string>): Promise<void> {
  for (const name of names) await within.removeEntry(name).catch(() => {});
}

/** Where the files are whose removal stops a running call on this database. */
export function stopFiles(name: string): Promise<FileSystemDirectoryHandle | undefined> {
  return name === MEMORY ? stops() : existingDirectory(name);
}

/** Files of a worker that is gone are kept no longer than this, in milliseconds. */
const STOPS_KEPT = 24 * 3600 * 1000;

/**
 * Where the files are by whose removal calls on databases in memory are stopped.
 * Their worker ends without a word, so old ones are cleared away by the next.
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

/** How many bytes the database's main file has; 0 if there is no database. */
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

/** Every database of this origin. */
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
