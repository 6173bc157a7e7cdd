/**
 * Web Locks are how contexts of one origin learn of each other's end: a lock is
 * let go by the browser when its holder closes, crashes, reloads or is discarded,
 * whatever its code was doing.
 */

/** Who leads the database `name`. */
export const electionLock = (name: string): string => `ubiqlite:${name}`;

/** Who leads the database `name` next: the others queue for this one. */
export const standbyLock = (name: string): string => `ubiqlite:${name}:next`;

/** Held while the engine `epoch` of `name` lives. */
export const epochLock = (name: string, epoch: string): string => `ubiqlite:${name}:${epoch}`;

/** Held while the client `presence` of `name` lives. */
export const presenceLock = (name: string, presence: string): string =>
  `ubiqlite:${name}:client:${presence}`;

/** Takes a lock that nobody else holds; the answer lets it go. */
export function hold(lock: string): Promise<() => void> {
  return new Promise((granted, refused) => {
    navigator.locks
      .request(lock, () => new Promise<void>((release) => granted(release)))
      .catch(refused);
  });
}

/** Takes a lock if it is free now; the answer lets it go. */
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
 * Calls `then` when the holder of `lock` is gone. It asks in shared mode, so that
 * many who wait learn it together and none keeps another waiting. `signal` ends
 * the wait; a wait that was ended calls nothing.
 */
export function whenGone(lock: string, signal: AbortSignal, then: () => void): void {
  if (signal.aborted) return;
  navigator.locks
    .request(lock, { mode: 'shared', signal }, () => {
      if (!signal.aborted) then();
    })
    .catch(() => {
      // Ended by the signal, or this context is going away: nobody waits for it.
    });
}

/** Whether anybody holds `lock`. */
export async function isHeld(lock: string): Promise<boolean> {
  const { held } = await navigator.locks.query();
  return held?.some(({ name }) => name === lock) ?? false;
}
