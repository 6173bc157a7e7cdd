import type { Files } from '../engine/serve.js';
import { SUFFIXES, isNamed } from './directory.js';

const IO = -1;
const NOT_FOUND = -2;
const FULL = -3;
const READ_ONLY = -4;
const NOT_HERE = -7;

/**
 * The files of one database over handles that are already open. A file's number is its
 * index in `SUFFIXES`.
 *
 * Files can be neither created nor removed here, as both take an asynchronous call.
 * Instead, removing empties a file and keeps its handle, and an empty file counts as
 * missing until it is created. SQLite means the same by it: an empty journal or log holds
 * nothing to recover, and an empty main file is a database that nobody has created yet.
 * Emptying a journal is how a commit ends, so it is flushed.
 */
export class OpfsFiles implements Files {
  private readonly there: boolean[];

  /** @param lost called when the browser has taken back the handles, as iOS does for pages in the background */
  constructor(
    private readonly name: string,
    private readonly handles: readonly FileSystemSyncAccessHandle[],
    private readonly lost: (error: unknown) => void,
  ) {
    this.there = handles.map((handle) => handle.getSize() > 0);
  }

  open(name: string, create: boolean): number {
    const file = this.fileOf(name);
    if (file < 0) return NOT_HERE;
    if (!this.there[file]) {
      if (!create) return NOT_FOUND;
      this.there[file] = true;
    }
    return file;
  }

  close(): void {}

  read(file: number, into: Uint8Array, at: number): number {
    return this.attempt(file, (handle) => handle.read(into, { at }));
  }

  write(file: number, from: Uint8Array, at: number): number {
    return this.attempt(file, (handle) => (handle.write(from, { at }) === from.length ? 0 : FULL));
  }

  truncate(file: number, size: number): number {
    return this.attempt(file, (handle) => {
      handle.truncate(size);
      return 0;
    });
  }

  sync(file: number): number {
    return this.attempt(file, (handle) => {
      handle.flush();
      return 0;
    });
  }

  size(file: number): number {
    return this.attempt(file, (handle) => handle.getSize());
  }

  remove(name: string): number {
    const file = this.fileOf(name);
    if (file < 0 || !this.there[file]) return 0;
    return this.attempt(file, (handle) => {
      handle.truncate(0);
      handle.flush();
      this.there[file] = false;
      return 0;
    });
  }

  /** Returns nothing: each name is its own database. */
  fullName(): undefined {
    return undefined;
  }

  /** Returns false: nobody else can remove or replace an open file. */
  hasMoved(): boolean {
    return false;
  }

  exists(name: string): boolean {
    return this.there[this.fileOf(name)] ?? false;
  }

  private fileOf(name: string): number {
    return name.startsWith(this.name) ? (SUFFIXES as readonly string[]).indexOf(name.slice(this.name.length)) : -1;
  }

  private attempt(file: number, action: (handle: FileSystemSyncAccessHandle) => number): number {
    const handle = this.handles[file];
    if (handle === undefined) return IO;
    try {
      return action(handle);
    } catch (error) {
      if (isNamed(error, 'QuotaExceededError')) return FULL;
      if (isNamed(error, 'NoModificationAllowedError')) return READ_ONLY;
      if (!isUsable(handle)) this.lost(error);
      return IO;
    }
  }
}

/** Whether the browser still lets us use a file, whatever error it throws when it does not. */
function isUsable(handle: FileSystemSyncAccessHandle): boolean {
  try {
    handle.getSize();
    return true;
  } catch {
    return false;
  }
}
