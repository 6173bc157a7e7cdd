import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from './failure.js';
import { type Holder, isNear, isThisProcess, thisHolder } from './holder.js';
import { keyOf, lifeOf } from './life.js';
import type { LockHolder, Lock } from './lock.js';
import { nativeHolder } from './presence.js';

/** How long to wait for a lock by default, in milliseconds: the default of SQLite's busy timeout here. */
export const PATIENCE = 5000;

/** The pauses between looks, in milliseconds. The last one repeats. */
export const PAUSES = [1, 2, 5, 10, 20, 50];

/**
 * Waits until the lock of `database` is ours and no native engine has it open.
 *
 * @param given whether nobody waits for it any more
 * @throws `Busy`, naming the holder, after `patience` milliseconds; the system's error if
 * no lock can be made here
 */
export async function acquire(lock: Lock, database: string, patience: number, given: () => boolean): Promise<void> {
  const deadline = performance.now() + patience;
  for (let looks = 0; ; looks += 1) {
    const held = taken(lock, database);
    if (held === undefined) return;
    if (await isLeft(lock, held)) continue;
    const left = deadline - performance.now();
    if (left <= 0 || given()) throw busy(lock, database, held, patience);
    await sleep(Math.min(left, PAUSES[Math.min(looks, PAUSES.length - 1)]));
  }
}

/** Whether its holder, in another container of this system, has ended. `lock` remembers that. */
export async function isLeft(lock: Lock, { by }: LockHolder): Promise<boolean> {
  if (by === undefined || (isNear(by, lock.me) && by.space === lock.me.space)) return false;
  if ((await lifeOf(lock.path, by, lock.me)) !== 'gone') return false;
  lock.gone.add(keyOf(by));
  return true;
}

/** Takes the lock, unless somebody has the database. @throws the system's error if no lock can be made here */
export function taken(lock: Lock, database: string): LockHolder | undefined {
  // Already ours: no native engine can have come since.
  if (lock.isTaken) return undefined;
  const held = lock.take();
  if (held !== undefined) return held;
  try {
    const native = nativeHolder(database, lock.gone);
    if (native !== undefined) lock.release();
    return native;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Returns the error that says who has the database and what to do. */
export function busy(lock: { path: string }, database: string, held: LockHolder, waited = 0): Error {
  const wait = waited > 0 ? `; waited ${waited} ms for it` : '';
  return failure('Busy', `${database} ${told(held.path ?? lock.path, held.by)}${wait}`, database);
}

function told(path: string, by: Holder | undefined): string {
  if (by === undefined) {
    return `is held by a process whose lock cannot be read: if nothing has it open, remove ${path}`;
  }
  const me = thisHolder('');
  const since = `since ${by.since} with the ${by.engine ?? 'wasm'} engine`;
  if (isThisProcess(by, me)) {
    const who = by.thread === me.thread ? 'this thread' : `thread ${by.thread}`;
    return (
      `is open in this very process (${by.pid}) ${since}, by ${who}: close it there. Only one thread opens a file, ` +
      'through one copy of this package; others must have it do the work, or all must use the native engine'
    );
  }
  if (!isNear(by, me)) {
    return (
      `is open in process ${by.pid} on another host, ${by.host}, ${since}: close it there. ` +
      `If that host or container is gone, remove ${path}`
    );
  }
  if (by.space !== me.space) {
    return (
      `is open in process ${by.pid} of another container on ${by.host} ${since}: close it there. ` +
      `If that container is gone, remove ${path}`
    );
  }
  const or = by.engine === 'native' ? 'or open it with that engine here, too' : 'or have that process do the work';
  return `is open in process ${by.pid} on ${by.host} ${since}: close it there, ${or}`;
}
