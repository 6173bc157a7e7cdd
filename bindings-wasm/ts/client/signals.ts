/**
 * One listener per signal, however many calls wait for it. Node warns of a leak when an
 * eleventh listener is added, but that many calls with one signal are not a leak.
 */

/** The callbacks for when a signal aborts, in the order in which they were added. */
const watching = new WeakMap<AbortSignal, Watchers>();

class Watchers {
  private readonly told = new Set<() => void>();
  private readonly listener = (): void => {
    // A callback may remove another one.
    for (const tell of this.told) {
      this.told.delete(tell);
      tell();
    }
  };

  constructor(private readonly signal: AbortSignal) {}

  add(tell: () => void): void {
    if (this.told.size === 0) this.signal.addEventListener('abort', this.listener, { once: true });
    this.told.add(tell);
  }

  delete(tell: () => void): void {
    // The platform keeps a signal with listeners alive, and whatever its listeners hold.
    if (this.told.delete(tell) && this.told.size === 0) this.signal.removeEventListener('abort', this.listener);
  }
}

/**
 * Calls `tell` once when the signal aborts, but not if it is already aborted.
 *
 * @param tell must not throw: other callbacks follow it
 * @returns a function that stops the listening
 * @throws TypeError for anything that is not a signal; nothing is registered then
 */
export function onAbort(signal: AbortSignal, tell: () => void): () => void {
  // The same function may be registered twice.
  const own = (): void => tell();
  let watchers = watching.get(signal);
  if (watchers === undefined) {
    watchers = new Watchers(signal);
    watchers.add(own);
    watching.set(signal, watchers);
  } else {
    watchers.add(own);
  }
  return () => watchers.delete(own);
}
