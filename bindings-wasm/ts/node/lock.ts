import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from './failure.js';
import { type Holder, isGone, parseHolder, thisHolder } from './holder.js';
import { GIVEN, Sign, clearSign, keyOf } from './life.js';

/** Returns the file next to a database that says which process has it open. */
export const lockOf = (database: string): string => `${database}.ubiqlite-lock`;

/** How many claims of processes that died while taking over a lock are taken over in turn. */
const DEPTH = 8;

/** Who has the database, and the file that says so, if that is not the lock. An unreadable file names nobody. */
export type LockHolder = { by: Holder | undefined; path?: string };

/**
 * The lock of one database, for one worker or one operation. It is a file that names
 * its holder and exists as a whole or not at all. It outlives a killed process: then
 * the next process takes it over.
 *
 * The lock of a process that is gone may be replaced only by the holder of the claim on
 * it: a lock of the same kind whose name ends with the token of the replaced lock. Once
 * the claim is held, the lock is read again. So however many processes come at once, one
 * replaces it, and the others find a lock whose holder is alive.
 */
export class Lock {
  readonly me: Holder;
  /** Holders whose signs of life have ended, by `keyOf`. */
  readonly gone = new Set<string>();
  private sign: Sign | undefined;
  /** On Linux the lock is open while it is held, for `isLeftByThread`. */
  private open: number[] = [];
  private taken = false;

  constructor(
    readonly path: string,
    token: string = randomUUID(),
  ) {
    this.me = thisHolder(token);
  }

  get isTaken(): boolean {
    return this.taken;
  }

  /**
   * Takes the lock, unless somebody has it.
   *
   * @throws the system's error if no lock can be made here
   */
  take(): LockHolder | undefined {
    if (this.taken) return undefined;
    this.me.since = new Date().toISOString();
    this.me.sign = GIVEN || undefined;
    let draft: Draft | undefined;
    try {
      draft = new Draft(this.path, this.me);
      const held = this.attempt(this.path, draft, 0);
      if (held !== undefined) return held;
      this.taken = true;
      this.open = draft.keep();
      this.sign = Sign.give(this.path, this.me.token);
      return undefined;
    } finally {
      draft?.discard();
    }
  }

  release(): void {
    if (!this.taken) return;
    this.taken = false;
    // As long as the lock exists, its file is open and its sign is given. Others may take a
    // lock without these, and then the one removed here might be theirs.
    removeLock(this.path, this.me.token);
    for (const file of this.open.splice(0)) fs.closeSync(file);
    this.sign?.end();
    this.sign = undefined;
  }

  private attempt(path: string, draft: Draft, depth: number): LockHolder | undefined {
    for (;;) {
      if (draft.publish(path)) return undefined;
      const text = read(path);
      if (text === undefined) continue;
      const by = parseHolder(text);
      if (by === undefined || depth > DEPTH) return { by };
      if (!this.gone.has(keyOf(by)) && !isGone(by, this.me, path)) return { by };
      const claim = `${path}.${by.token}`;
      const held = this.attempt(claim, draft, depth + 1);
      if (held !== undefined) return held;
      try {
        if (read(path) === text) {
          draft.replace(path);
          clearSign(this.path, by.token);
          if (depth === 0) sweep(path, this.me);
          return undefined;
        }
      } finally {
        fs.rmSync(claim, { force: true });
      }
    }
  }
}

/** Removes a lock if it is still the one with this token. */
export function removeLock(path: string, token: string): void {
  const text = read(path);
  if (text !== undefined && parseHolder(text)?.token === token) fs.rmSync(path, { force: true });
}

/** Returns who has the lock, for processes that can't take it; `undefined` if no living holder does. */
export function holderOf(path: string): LockHolder | undefined {
  const text = read(path);
  if (text === undefined) return undefined;
  const by = parseHolder(text);
  return by !== undefined && isGone(by, thisHolder(''), path) ? undefined : { by };
}

/** A lock's file under a name of its own, before it is a lock. */
class Draft {
  private readonly name: string;
  private readonly text: string;
  private readonly files: number[];

  constructor(path: string, me: Holder) {
    this.text = `${JSON.stringify(me)}\n`;
    this.name = `${path}.${randomUUID()}`;
    this.files = [write(this.name, this.text)];
  }

  /** Makes it the file at this path, unless there is one. */
  publish(path: string): boolean {
    try {
      fs.linkSync(this.name, path);
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') return false;
      if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR', 'EMLINK'].includes(code ?? '')) throw error;
    }
    // On a file system without links, there is for a moment a lock that names nobody.
    try {
      this.files.push(write(path, this.text));
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** Makes it the file at this path, replacing the existing one. May be called again. */
  replace(path: string): void {
    const name = `${this.name}.next`;
    this.publish(name);
    fs.renameSync(name, path);
  }

  /** Returns the open files, which stay open. */
  keep(): number[] {
    return process.platform === 'linux' ? this.files.splice(0) : [];
  }

  discard(): void {
    for (const file of this.files.splice(0)) fs.closeSync(file);
    fs.rmSync(this.name, { force: true });
  }
}

/** Writes a new file that is whole even after a loss of power. */
function write(name: string, text: string): number {
  const file = fs.openSync(name, 'wx', 0o644);
  try {
    fs.writeSync(file, text);
    fs.fsyncSync(file);
    return file;
  } catch (error) {
    fs.closeSync(file);
    fs.rmSync(name, { force: true });
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Clears away the remains of processes that died while taking the lock: claims on locks that are gone, and drafts. */
function sweep(path: string, me: Holder): void {
  const prefix = `${basename(path)}.`;
  for (const name of fs.readdirSync(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const left = join(dirname(path), name);
    const by = parseHolder(read(left) ?? '');
    if (by !== undefined && by.token !== me.token && isGone(by, me, left)) fs.rmSync(left, { force: true });
  }
}
