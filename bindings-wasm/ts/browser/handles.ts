import {
  SUFFIXES,
  clear,
  contents,
  directory,
  fileOf,
  isNamed,
  mark,
} from './directory.js';
import { failure, missing, refusedStorage } from './failure.js';

/** How long the handles of a leader that is gone may still be held. Chromium gives a busy worker 2 s to die. */
const PATIENCE = 15_000;

/** The open files of a database, in the order of `SUFFIXES`. */
export interface Handles {
  files: FileSystemSyncAccessHandle[];
}

/**
 * Opens all files of a database before SQLite requests any: opening a handle is
 * asynchronous, and SQLite does not wait.
 *
 * @param meanwhile creates further files concurrently, once the stale ones are known: each
 *   step is a request to another process, and doing this afterwards took half of a change
 *   of leaders in Firefox
 */
export async function openHandles(
  name: string,
  meanwhile: (within: FileSystemDirectoryHandle) => void,
): Promise<Handles> {
  requireHandles();
  let within: FileSystemDirectoryHandle;
  try {
    within = await directory(name);
  } catch (error) {
    throw openingFailure(name, error, true);
  }
  try {
    const { valid, next, stale } = await contents(within);
    const generation = valid === 0 ? next : valid;
    const opening = new Opening(within, stale);
    meanwhile(within);
    const [files] = await Promise.all([
      Promise.all(SUFFIXES.map((suffix) => opening.open(fileOf(generation, suffix)))),
      valid === 0 ? mark(within, generation) : undefined,
    ]);
    void clear(within, stale);
    return { files };
  } catch (error) {
    throw openingFailure(name, error, false);
  }
}

/** @throws an `Unsupported` if files can't be used synchronously */
export function requireHandles(): void {
  const prototype = (globalThis as { FileSystemFileHandle?: { prototype: object } }).FileSystemFileHandle?.prototype;
  if (prototype === undefined || !('createSyncAccessHandle' in prototype)) throw noHandles('');
}

class Opening {
  private readonly deadline = performance.now() + PATIENCE;
  private stopped = false;

  constructor(
    private readonly within: FileSystemDirectoryHandle,
    private readonly stale: string[],
  ) {}

  async open(name: string): Promise<FileSystemSyncAccessHandle> {
    const file = await this.within.getFileHandle(name, { create: true });
    for (let pause = 2; ; pause = Math.min(pause * 1.5, 50)) {
      try {
        return await file.createSyncAccessHandle();
      } catch (error) {
        if (!isNamed(error, 'NoModificationAllowedError') || performance.now() > this.deadline) throw error;
      }
      this.stopPredecessor();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /**
   * Stops a statement in the worker of a leader that is gone: the worker lives on while
   * it runs. The files whose removal stops it are among the stale ones.
   */
  private stopPredecessor(): void {
    if (this.stopped) return;
    this.stopped = true;
    void clear(this.within, this.stale);
  }
}

function openingFailure(name: string, error: unknown, root: boolean): Error {
  if (isNamed(error, 'NoModificationAllowedError')) {
    return failure(
      'Busy',
      `the files of ${name} are held by something other than ubiqlite; close the tabs of this site and try again`,
    );
  }
  if (isNamed(error, 'QuotaExceededError')) {
    return failure('DiskFull', `this site has no browser storage left for ${name}`);
  }
  if (isNamed(error, 'NotSupportedError')) return noHandles(`: ${String(error)}`);
  if (root || isNamed(error, 'SecurityError') || isNamed(error, 'NotAllowedError')) return refusedStorage(error);
  return failure('CannotOpen', `the files of ${name} could not be opened: ${String(error)}`);
}

function noHandles(detail: string): Error {
  return missing(
    `synchronous access to files (createSyncAccessHandle)${detail}`,
    'use a newer browser (Chromium 108, Firefox 111, Safari 16.4, or later)',
  );
}
