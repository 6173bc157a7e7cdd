/**
 * One listener for each signal, however many calls wait for it: Node warns of a leak
 * when an eleventh is added, and so many calls with one signal are no leak.
 */

/** Who is told when a signal aborts, in the order of asking. */
const watching = new WeakMap<AbortSignal, Watchers>();

class Watchers {
  private readonly told = new Set<() => void>();
  private readonly listener = (): void => {
    // One that is told may end the listening of another.
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
    // The platform keeps a signal that is listened to, and what its listener holds.
    if (this.told.delete(tell) && this.told.size === 0) this.signal.removeEventListener('abort', this.listener);
  }
}

/**
 * Has `tell` called once when the signal aborts; not for one that is aborted already.
 *
 * @param tell throws nothing: others are told after it
 * @returns what ends the listening
 * @throws TypeError for what is no signal; nobody listens then
 */
export function onAbort(signal: AbortSignal, tell: () => void): () => void {
  // The same function may listen twice.
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
