import * as fs from 'node:fs';
import { systemCode } from './failure.js';
import { type Holder, isGone, parseHolder, thisHolder } from './holder.js';
import { GIVEN, clearSign, keyOf } from './life.js';
import type { Held } from './lock.js';

/**
 * The file beside a database in which each native engine that has it open has a
 * line, its `Holder`. Native engines share a file by SQLite's own locks, which the
 * wasm engine has not: whoever of the two kinds is second is told so. A native one
 * writes its line and then looks for the lock of `lock.ts`; the wasm one takes that
 * lock and then reads the lines: so one of them sees the other, however they come.
 */
export const presenceOf = (database: string): string => `${database}.ubiqlite-native`;

/** The line of a native engine of this thread. */
export function lineOf(token: string): string {
  const me: Holder = { ...thisHolder(token), sign: GIVEN || undefined, engine: 'native' };
  return `${JSON.stringify(me)}\n`;
}

/**
 * Whether a native engine that lives has the database open. To be asked while the
 * database's lock is held: then what those left who were killed is cleared away.
 *
 * @param gone those whose signs of life have ended, by `keyOf`
 */
export function nativeHolder(database: string, gone: ReadonlySet<string>): Held | undefined {
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
    // A line that is being written names nobody yet.
    if (by === undefined || (!gone.has(keyOf(by)) && !isGone(by, me, path))) return { by, path };
    left.push(by.token);
  }
  // Whoever wrote a line meanwhile finds that its file is gone, or our lock.
  fs.rmSync(path, { force: true });
  for (const token of left) clearSign(path, token);
  return undefined;
}
