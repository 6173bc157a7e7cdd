import type { Files } from '../engine/serve.js';
import { SUFFIXES, isNamed } from './directory.js';

const IO = -1;
const NOT_FOUND = -2;
const FULL = -3;
const READ_ONLY = -4;
const NOT_HERE = -7;

/**
 * The files of one database over handles that are open already. A file's number
 * is its place in `SUFFIXES`.
 *
 * Files can neither be made nor removed here, as both take an asynchronous call:
 * removing empties a file and keeps its handle, and an empty file counts as none
 * until it is created. That is what SQLite means by it: an empty journal or log
 * holds nothing to recover, and an empty main file is a database that nobody has
 * made yet. Emptying a journal is how a commit ends, so it is flushed.
 */
export class OpfsFiles implements Files {
  private readonly there: boolean[];

  constructor(
    private readonly name: string,
    private readonly handles: readonly FileSystemSyncAccessHandle[],
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
    return attempt(() => this.handle(file).read(into, { at }));
  }

  write(file: number, from: Uint8Array, at: number): number {
    return attempt(() => (this.handle(file).write(from, { at }) === from.length ? 0 : FULL));
  }

  truncate(file: number, size: number): number {
    return attempt(() => {
      this.handle(file).truncate(size);
      return 0;
    });
  }

  sync(file: number): number {
    return attempt(() => {
      this.handle(file).flush();
      return 0;
    });
  }

  size(file: number): number {
    return attempt(() => this.handle(file).getSize());
  }

  remove(name: string): number {
    const file = this.fileOf(name);
    if (file < 0 || !this.there[file]) return 0;
    return attempt(() => {
      const handle = this.handle(file);
      handle.truncate(0);
      handle.flush();
      this.there[file] = false;
      return 0;
    });
  }

  /** Nobody else can remove or replace a file that is open. */
  hasMoved(): boolean {
    return false;
  }

  exists(name: string): boolean {
    return this.there[this.fileOf(name)] ?? false;
  }

  private fileOf(name: string): number {
    return name.startsWith(this.name) ? (SUFFIXES as readonly string[]).indexOf(name.slice(this.name.length)) : -1;
  }

  private handle(file: number): FileSystemSyncAccessHandle {
    const handle = this.handles[file];
    if (handle === undefined) throw new Error('no such file');
    return handle;
  }
}

function attempt(action: () => number): number {
  try {
    return action();
  } catch (error) {
    if (isNamed(error, 'QuotaExceededError')) return FULL;
    if (isNamed(error, 'NoModificationAllowedError')) return READ_ONLY;
    return IO;
  }
}
