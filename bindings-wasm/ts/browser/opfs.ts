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
  /**
   * How many bytes each has, unless an error left that open. Nobody else can change it
   * while the handle is open, and SQLite asks before every read of a database whose log is
   * empty: in Firefox that is a message to another process.
   */
  private readonly sizes: (number | undefined)[];

  constructor(
    private readonly name: string,
    private readonly handles: readonly FileSystemSyncAccessHandle[],
  ) {
    const sizes = handles.map((handle) => handle.getSize());
    this.there = sizes.map((size) => size > 0);
    this.sizes = sizes;
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
    const before = this.sizes[file];
    this.sizes[file] = undefined;
    return attempt(() => {
      if (this.handle(file).write(from, { at }) !== from.length) return FULL;
      if (before !== undefined) this.sizes[file] = Math.max(before, at + from.length);
      return 0;
    });
  }

  truncate(file: number, size: number): number {
    return this.cut(file, size, (handle) => handle.truncate(size));
  }

  sync(file: number): number {
    return attempt(() => {
      this.handle(file).flush();
      return 0;
    });
  }

  size(file: number): number {
    return this.sizes[file] ?? attempt(() => (this.sizes[file] = this.handle(file).getSize()));
  }

  remove(name: string): number {
    const file = this.fileOf(name);
    if (file < 0 || !this.there[file]) return 0;
    const removed = this.cut(file, 0, (handle) => {
      handle.truncate(0);
      handle.flush();
    });
    if (removed === 0) this.there[file] = false;
    return removed;
  }

  exists(name: string): boolean {
    return this.there[this.fileOf(name)] ?? false;
  }

  private fileOf(name: string): number {
    return name.startsWith(this.name) ? (SUFFIXES as readonly string[]).indexOf(name.slice(this.name.length)) : -1;
  }

  /** Has a file cut to a size. */
  private cut(file: number, size: number, cut: (handle: FileSystemSyncAccessHandle) => void): number {
    this.sizes[file] = undefined;
    return attempt(() => {
      cut(this.handle(file));
      this.sizes[file] = size;
      return 0;
    });
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
