import * as fs from 'node:fs';
import { systemCode } from './failure.js';
import { type Holder, isGone, parseHolder, thisHolder } from './holder.js';
import { GIVEN, clearSign, keyOf } from './life.js';
import type { LockHolder } from './lock.js';

/**
 * Returns the file next to a database in which each native engine that has it open has a
 * line, its `Holder`. Native engines share a file by SQLite's own locks, which the wasm
 * engine lacks: of the two kinds, the second one is refused. A native one writes its line
 * and then looks for the lock of `lock.ts`. The wasm one takes that lock and then reads the
 * lines. So at least one sees the other, in whatever order they come.
 */
export const presenceOf = (database: string): string => `${database}.ubiqlite-native`;

/** Returns the line of a native engine of this thread. */
export function lineOf(token: string): string {
  const me: Holder = { ...thisHolder(token), sign: GIVEN || undefined, engine: 'native' };
  return `${JSON.stringify(me)}\n`;
}

/**
 * Returns a living native engine that has the database open, if any. Must be called while
 * the database's lock is held: the remains of killed engines are cleared away.
 *
 * @param gone holders whose signs of life have ended, by `keyOf`
 */
export function nativeHolder(database: string, gone: ReadonlySet<string>): LockHolder | undefined {
  const path = presenceOf(database);
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const me = thisHolder('');
  const left: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const by = parseHolder(line);
    // A half-written line names nobody yet.
    if (by === undefined || (!gone.has(keyOf(by)) && !isGone(by, me, path))) return { by, path };
    left.push(by.token);
  }
  // An engine that wrote a line in the meantime finds that its file is gone, or finds our lock.
  fs.rmSync(path, { force: true });
  for (const token of left) clearSign(path, token);
  return undefined;
}
