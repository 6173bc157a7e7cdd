import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from './failure.js';
import { type Holder, isGone, parseHolder, thisHolder } from './holder.js';
import { GIVEN, Sign, clearSign, keyOf } from './life.js';

/** The file beside a database that says which process has it open. */
export const lockOf = (database: string): string => `${database}.ubiqlite-lock`;

/** How many that died while they took a lock over are taken over in turn. */
const DEPTH = 8;

/** Who has the database, and the file that says so, where it is not the lock; what cannot be read names nobody. */
export type Held = { by: Holder | undefined; path?: string };

/**
 * The lock of one database, for one worker or one operation. It is a file that
 * names its holder, there as a whole or not at all, and it outlives a process
 * that was killed: then the next one takes it over.
 *
 * The lock of a process that is gone is replaced by whoever holds the claim on
 * it, a lock of the same kind whose name ends with the token of the one that is
 * replaced. Nobody replaces a lock without holding the claim on it, and a lock
 * is looked at again once the claim is held. So however many come at once, one
 * replaces it, and the others find a lock whose holder lives.
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
  take(): Held | undefined {
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
    // As long as the lock is there its file is open and its sign given: a lock without is
    // somebody else's to take, and the one that would be removed here might be theirs.
    removeLock(this.path, this.me.token);
    for (const file of this.open.splice(0)) fs.closeSync(file);
    this.sign?.end();
    this.sign = undefined;
  }

  private attempt(path: string, draft: Draft, depth: number): Held | undefined {
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

/** Removes a lock if it is still the one of this token. */
export function removeLock(path: string, token: string): void {
  const text = read(path);
  if (text !== undefined && parseHolder(text)?.token === token) fs.rmSync(path, { force: true });
}

/** Who has the lock, for those who cannot take it; `undefined` if nobody who lives does. */
export function holderOf(path: string): Held | undefined {
  const text = read(path);
  if (text === undefined) return undefined;
  const by = parseHolder(text);
  return by !== undefined && isGone(by, thisHolder(''), path) ? undefined : { by };
}

/** A lock's file under a name of its own, before it is anybody's. */
class Draft {
  private readonly name: string;
  private readonly text: string;
  private readonly files: number[];

  constructor(path: string, me: Holder) {
    this.text = `${JSON.stringify(me)}\n`;
    this.name = `${path}.${randomUUID()}`;
    this.files = [write(this.name, this.text)];
  }

  /** Makes it the file of this name, unless there is one. */
  publish(path: string): boolean {
    try {
      fs.linkSync(this.name, path);
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') return false;
      if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR', 'EMLINK'].includes(code ?? '')) throw error;
    }
    // A file system without links: for a moment there is a lock that names nobody.
    try {
      this.files.push(write(path, this.text));
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** Makes it the file of this name, in place of the one that is there; again, if wanted. */
  replace(path: string): void {
    const name = `${this.name}.next`;
    this.publish(name);
    fs.renameSync(name, path);
  }

  /** The files that are open, to stay so. */
  keep(): number[] {
    return process.platform === 'linux' ? this.files.splice(0) : [];
  }

  discard(): void {
    for (const file of this.files.splice(0)) fs.closeSync(file);
    fs.rmSync(this.name, { force: true });
  }
}

/** Writes a new file that is whole after a loss of power, too. */
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

/** Clears away what those left who died while they took the lock: claims on locks that are no more, and drafts. */
function sweep(path: string, me: Holder): void {
  const prefix = `${basename(path)}.`;
  for (const name of fs.readdirSync(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const left = join(dirname(path), name);
    const by = parseHolder(read(left) ?? '');
    if (by !== undefined && by.token !== me.token && isGone(by, me, left)) fs.rmSync(left, { force: true });
  }
}
