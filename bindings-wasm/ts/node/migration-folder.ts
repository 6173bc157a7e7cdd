import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationFile } from '../api/migration-files.js';
import { failure, systemCode } from './failure.js';
import { pathOf } from './path.js';

/** What may be in a folder inside the folder: the files of drizzle-kit. */
const INSIDE = ['migration.sql', '_journal.json'];

/** Reads the files of a folder that may be migrations. @throws `CannotOpen`, `Io`; `InvalidArgument` for a text that is not UTF-8 */
export async function filesOf(folder: string | URL): Promise<readonly MigrationFile[]> {
  const path = pathOf(folder, 'the folder of the migrations');
  // None is read before all are found: a failure in between would be rejected with nobody to handle it.
  const found: [name: string, path: string][] = [];
  for (const name of await attempt(path, () => readdir(path))) {
    const at = join(path, name);
    if (await isFolder(at)) {
      const names = await attempt(at, () => readdir(at));
      for (const inner of INSIDE.filter((file) => names.includes(file))) found.push([`${name}/${inner}`, join(at, inner)]);
    } else if (name.endsWith('.sql')) {
      found.push([name, at]);
    }
  }
  return Promise.all(found.map((file) => textOf(...file)));
}

/** Whether it is a folder, or a link to one. */
function isFolder(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false);
}

async function textOf(name: string, path: string): Promise<MigrationFile> {
  const bytes = await attempt(path, () => readFile(path));
  try {
    return [name, new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)];
  } catch {
    throw failure('InvalidArgument', 'the file is not text in UTF-8', path);
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const cannotOpen = ['ENOENT', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '');
    throw failure(cannotOpen ? 'CannotOpen' : 'Io', (error as Error).message, path);
  }
}
