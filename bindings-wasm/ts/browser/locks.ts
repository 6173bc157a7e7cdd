/**
 * Web Locks are how contexts of one origin learn of each other's end: the browser releases
 * a lock when its holder closes, crashes, reloads or is discarded, whatever its code was
 * doing.
 */

/** Held by the leader of the database `name`. */
export const electionLock = (name: string): string => `ubiqlite:${name}`;

/** Held by the next leader of the database `name`. The others queue for this lock. */
export const standbyLock = (name: string): string => `ubiqlite:${name}:next`;

/** Held while the engine `epoch` of `name` is alive. */
export const epochLock = (name: string, epoch: string): string => `ubiqlite:${name}:${epoch}`;

/** Held while the client `presence` of `name` is alive. */
export const presenceLock = (name: string, presence: string): string =>
  `ubiqlite:${name}:client:${presence}`;

/** Takes a lock that nobody else holds. Resolves to a function that releases it. */
export function hold(lock: string): Promise<() => void> {
  return new Promise((granted, refused) => {
    navigator.locks
      .request(lock, () => new Promise<void>((release) => granted(release)))
      .catch(refused);
  });
}

/** Takes a lock if it is free now. Resolves to a function that releases it. */
export function holdIfFree(lock: string): Promise<(() => void) | undefined> {
  return new Promise((granted, refused) => {
    navigator.locks
      .request(lock, { ifAvailable: true }, (held) => {
        if (held === null) {
          granted(undefined);
          return;
        }
        return new Promise<void>((release) => granted(release));
      })
      .catch(refused);
  });
}

/**
 * Calls `then` when the holder of `lock` is gone. It requests the lock in shared mode, so
 * that all waiting contexts learn it together and none keeps another waiting. `signal`
 * ends the wait; then nothing is called.
 */
export function whenGone(lock: string, signal: AbortSignal, then: () => void): void {
  if (signal.aborted) return;
  navigator.locks
    .request(lock, { mode: 'shared', signal }, () => {
      if (!signal.aborted) then();
    })
    .catch(() => {
      // Ended by the signal, or this context is going away: nobody waits for this.
    });
}

/** Whether anybody holds `lock`. */
export async function isHeld(lock: string): Promise<boolean> {
  const { held } = await navigator.locks.query();
  return held?.some(({ name }) => name === lock) ?? false;
}
