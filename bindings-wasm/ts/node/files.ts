import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { Files } from '../engine/serve.js';
import { taken } from './acquire.js';
import { systemCode } from './failure.js';
import { Lock, lockOf } from './lock.js';
import { fileOf } from './path.js';

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;

/** The suffixes that SQLite adds to the name of a database for the files next to it. */
const BESIDE = /-(?:wal|journal)$/;

/** The engine's files, over synchronous `node:fs`. A file's number is its descriptor. */
export class NodeFiles implements Files {
  /** Files whose directory entry may not be on the disk yet, by number. */
  private readonly fresh = new Map<number, string>();
  /** Which file each number stands for, and the name that it was opened by. */
  private readonly opened = new Map<number, { name: string; dev: bigint; ino: bigint }>();

  /** The locks of attached databases, by number. */
  private readonly locks = new Map<number, Lock>();

  /** @param own the opened database, whose lock its worker has */
  constructor(private readonly own: string) {}

  open(name: string, create: boolean, readOnly: boolean): number {
    if (name === this.own || BESIDE.test(name)) return this.openFile(name, create, readOnly);
    const lock = new Lock(lockOf(name));
    const locked = attempt(() => lockAttached(lock, name, readOnly));
    if (locked < 0) return locked;
    const file = this.openFile(name, create, readOnly);
    if (file < 0) lock.release();
    else this.locks.set(file, lock);
    return file;
  }

  fullName(name: string): string | undefined {
    try {
      return fileOf(name);
    } catch {
      return undefined;
    }
  }

  private openFile(name: string, create: boolean, readOnly: boolean): number {
    return attempt(() => {
      const flags = readOnly ? O_RDONLY : O_RDWR;
      for (let tries = 0; tries < 3; tries += 1) {
        try {
          const file = fs.openSync(name, flags);
          // Directories can be opened for reading.
          if (!readOnly || fs.fstatSync(file).isFile()) return this.noted(file, name);
          const isDirectory = fs.fstatSync(file).isDirectory();
          fs.closeSync(file);
          return isDirectory ? DIRECTORY : IO;
        } catch (error) {
          if (!create || systemCode(error) !== 'ENOENT') throw error;
        }
        try {
          const file = make(name, flags);
          this.fresh.set(file, name);
          return this.noted(file, name);
        } catch (error) {
          // Somebody else was faster; their file will do.
          if (systemCode(error) !== 'EEXIST') throw error;
        }
      }
      // A dangling link both exists and does not.
      return NOT_FOUND;
    });
  }

  private noted(file: number, name: string): number {
    const { dev, ino } = fs.fstatSync(file, { bigint: true });
    this.opened.set(file, { name, dev, ino });
    return file;
  }

  hasMoved(file: number): boolean {
    const opened = this.opened.get(file);
    // On Windows, nobody can remove or rename an open file.
    if (opened === undefined || process.platform === 'win32') return false;
    try {
      const now = fs.statSync(opened.name, { bigint: true, throwIfNoEntry: false });
      return now === undefined || now.ino !== opened.ino || now.dev !== opened.dev;
    } catch {
      // Its directory can't be read any more: as far as anybody knows, it is the same file.
      return false;
    }
  }

  close(file: number): void {
    this.fresh.delete(file);
    this.opened.delete(file);
    attempt(() => {
      fs.closeSync(file);
      return 0;
    });
    const lock = this.locks.get(file);
    if (lock === undefined) return;
    this.locks.delete(file);
    attempt(() => {
      lock.release();
      return 0;
    });
  }

  read(file: number, into: Uint8Array, at: number): number {
    return attempt(() => {
      let done = 0;
      while (done < into.length) {
        const read = fs.readSync(file, into, done, into.length - done, at + done);
        if (read === 0) break;
        done += read;
      }
      return done;
    });
  }

  write(file: number, from: Uint8Array, at: number): number {
    return attempt(() => {
      let done = 0;
      while (done < from.length) done += fs.writeSync(file, from, done, from.length - done, at + done);
      return 0;
    });
  }

  truncate(file: number, size: number): number {
    return attempt(() => {
      fs.ftruncateSync(file, size);
      return 0;
    });
  }

  sync(file: number): number {
    return attempt(() => {
      // This covers a changed size. On macOS, libuv flushes the drive itself (F_FULLFSYNC).
      fs.fdatasyncSync(file);
      const name = this.fresh.get(file);
      if (name !== undefined) {
        syncDirectory(dirname(name));
        this.fresh.delete(file);
      }
      return 0;
    });
  }

  size(file: number): number {
    return attempt(() => fs.fstatSync(file).size);
  }

  remove(name: string): number {
    return attempt(() => {
      try {
        fs.unlinkSync(name);
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return 0;
        throw error;
      }
      // A journal that reappears after a loss of power would undo a commit.
      syncDirectory(dirname(name));
      return 0;
    });
  }

  exists(name: string): boolean {
    try {
      return (fs.statSync(name, { throwIfNoEntry: false })?.size ?? 0) > 0;
    } catch {
      return false;
    }
  }
}

/** Whether a process with our permissions can't change the file. */
export function isReadOnly(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.W_OK);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '');
  }
}

/** Takes the lock of an attached database, unless somebody has it. Waiting is not possible here. */
function lockAttached(lock: Lock, name: string, readOnly: boolean): number {
  try {
    return taken(lock, name) === undefined ? 0 : HELD;
  } catch (error) {
    if (readOnly && isReadOnly(name)) return 0;
    throw error;
  }
}

/** Waits until the names in a directory survive a loss of power, if the system supports that. */
export function syncDirectory(directory: string): void {
  // Windows can't open directories.
  if (process.platform === 'win32') return;
  const file = fs.openSync(directory, O_RDONLY);
  try {
    fs.fsyncSync(file);
  } catch (error) {
    // Some file systems have nothing to do here, and report that.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    fs.closeSync(file);
  }
}

/** Creates a file. A user who may not read a database may not read its log either. */
function make(name: string, flags: number): number {
  const main = BESIDE.test(name) ? fs.statSync(name.replace(BESIDE, ''), { throwIfNoEntry: false }) : undefined;
  const mode = main === undefined ? 0o644 : main.mode & 0o777;
  const file = fs.openSync(name, flags | O_CREAT | O_EXCL, mode);
  if (main === undefined || process.platform === 'win32') return file;
  try {
    const made = fs.fstatSync(file);
    // Like SQLite: the next user that opens the database must be able to use what we leave behind.
    if (made.uid !== main.uid || made.gid !== main.gid) fs.fchownSync(file, main.uid, main.gid);
    if ((made.mode & 0o777) !== mode) fs.fchmodSync(file, mode);
  } catch {
    // Not ours to give away; SQLite continues in this case, too.
  }
  return file;
}

const IO = -1;
const NOT_FOUND = -2;
const DIRECTORY = -5;
const HELD = -6;

const CODES: Record<string, number> = {
  ENOENT: NOT_FOUND,
  ENOTDIR: NOT_FOUND,
  ENOSPC: -3,
  EDQUOT: -3,
  EFBIG: -3,
  EACCES: -4,
  EPERM: -4,
  EROFS: -4,
  EISDIR: DIRECTORY,
};

/** Turns exceptions into codes: one that crossed the engine would leave it in the middle of its work. */
function attempt(work: () => number): number {
  try {
    return work();
  } catch (error) {
    return CODES[systemCode(error) ?? ''] ?? IO;
  }
}
