import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { openDatabase } from '../api/database.js';
import { exported } from '../api/export.js';
import { type ImportSource, chunksOf } from '../api/import.js';
import { PATIENCE, acquire } from './acquire.js';
import { connector } from './connector.js';
import { failure, systemCode } from './failure.js';
import { syncDirectory } from './files.js';
import { HEADER, MAGIC, unfit } from './header.js';
import { Lock, lockOf } from './lock.js';
import { fileOf } from './path.js';

/** The suffixes of the files that SQLite keeps next to a database, with changes not yet in it or to be undone in it. */
const JOURNALS = ['-wal', '-journal'];

/** Returns the paths of the SQLite files in a directory, sorted. */
export async function list(directory = '.'): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await named(directory, () => fs.promises.readdir(directory, { withFileTypes: true }))) {
    const path = join(directory, entry.name);
    if ((entry.isFile() || entry.isSymbolicLink()) && (await isDatabase(path))) names.push(path);
  }
  return names.sort();
}

/**
 * Removes a database with everything that belongs to it. Returns whether there was one.
 *
 * @throws {@link BusyError} while somebody has it open
 */
export async function remove(path: string): Promise<boolean> {
  refuseMemory(path);
  const file = fileOf(path);
  if (!fs.existsSync(file)) return false;
  await locked(file, () => {
    // The file first: a journal without it means nothing, but it would be damaged without its journal.
    for (const name of [file, ...JOURNALS.map((end) => file + end), `${file}-shm`]) fs.rmSync(name, { force: true });
    syncDirectory(dirname(file));
  });
  return true;
}

/**
 * Returns the database as an ordinary SQLite file, piece by piece. It is of one moment,
 * whatever is written in the meantime, and takes memory for a few pages.
 *
 * @throws {@link CannotOpenError} if there is no such database
 */
export async function exportFile(path: string): Promise<ReadableStream<Uint8Array>> {
  refuseMemory(path);
  const options = { create: false };
  return exported(await openDatabase(path, options, connector(path, 'file', options), {}));
}

/**
 * Makes the SQLite file `source` the database `path`. It is read and written piece by
 * piece, and becomes the database once it is whole and on the disk. Whatever happens
 * before that leaves the existing one alone.
 *
 * @throws {@link BusyError} while somebody has the database open, {@link InvalidArgumentError}
 * if it exists and `replace` is not set, {@link NotADatabaseError} if the source is not a
 * database or is cut short
 */
export async function importFile(
  path: string,
  source: ImportSource,
  { replace = false }: { replace?: boolean } = {},
): Promise<void> {
  refuseMemory(path);
  const file = fileOf(path);
  const chunks = chunksOf(source);
  const draft = `${file}.${randomUUID()}`;
  refuseExisting(file, replace);
  await named(file, async () => {
    try {
      await write(draft, chunks, file);
      if (JOURNALS.some((end) => fs.existsSync(file + end))) await settle(file);
      await locked(file, () => {
        refuseExisting(file, replace);
        if (!replace) return fs.renameSync(draft, file);
        const before = fs.statSync(file, { throwIfNoEntry: false });
        if (before !== undefined) fs.chmodSync(draft, before.mode & 0o777);
        // What is left here belongs to a database that nobody can open.
        for (const end of JOURNALS) fs.rmSync(file + end, { force: true });
        fs.renameSync(draft, file);
      });
      syncDirectory(dirname(file));
    } finally {
      fs.rmSync(draft, { force: true });
    }
  });
}

function refuseMemory(path: string): void {
  if (path !== ':memory:') return;
  throw failure('Unsupported', 'a database in memory is separate for each one who opens it, and only they can read it');
}

async function write(draft: string, chunks: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  const to = await fs.promises.open(draft, 'wx', 0o644);
  try {
    let size = 0;
    let header = new Uint8Array(0);
    for await (const chunk of chunks) {
      if (header.length < HEADER) {
        header = Uint8Array.from([...header, ...chunk.subarray(0, HEADER - header.length)]);
        const begin = header.length === HEADER ? unfit(header) : undefined;
        // Reported at once, not after a gigabyte.
        if (begin !== undefined) throw notOne(file, begin);
      }
      for (let at = 0; at < chunk.length; ) {
        at += (await to.write(chunk, at, chunk.length - at, size + at)).bytesWritten;
      }
      size += chunk.length;
    }
    const why = unfit(header, size);
    if (why !== undefined) throw notOne(file, why);
    await to.datasync();
  } finally {
    await to.close();
  }
}

/** Moves the contents of the files next to the database into it, so that it can be replaced in one step. */
async function settle(file: string): Promise<void> {
  const options = { create: false };
  try {
    const db = await openDatabase(file, options, connector(file, 'file', options), {});
    await db.close();
  } catch (error) {
    // Damaged, or the files next to it belong to nothing: it is about to be replaced.
    if (!['NotADatabase', 'Corrupt', 'CannotOpen'].includes((error as { kind?: string }).kind ?? '')) throw error;
  }
}

/** Runs `action` while nobody has the database open, and keeps others from opening it. */
async function locked(file: string, action: () => void): Promise<void> {
  const lock = new Lock(lockOf(file));
  await named(file, () => acquire(lock, file, PATIENCE, () => false));
  try {
    action();
  } finally {
    lock.release();
  }
}

function refuseExisting(file: string, replace: boolean): void {
  if (replace || !((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0)) return;
  throw failure('InvalidArgument', `a file ${file} already exists; replace it with { replace: true }`, file);
}

async function isDatabase(path: string): Promise<boolean> {
  try {
    const file = await fs.promises.open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
      return bytesRead === MAGIC.length && buffer.toString('latin1') === MAGIC;
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}

function notOne(file: string, why: string): Error {
  return failure('NotADatabase', `the data to import as ${file} is not a complete SQLite database: ${why}`, file);
}

/** Turns the system's errors into ours, with the path concerned. */
async function named<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = systemCode(error);
    // Not `instanceof`: in Jest, the system's errors come from another realm.
    if (code === undefined || 'kind' in (error as object)) throw error;
    const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
    const absent = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'EISDIR'].includes(code);
    throw failure(full ? 'DiskFull' : absent ? 'CannotOpen' : 'Io', `${path}: ${(error as Error).message}`, path);
  }
}
