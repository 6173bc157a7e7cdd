/** Signals that are listened to by one listener each, however many calls they are for. */

const watched = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `heard` when the signal is aborted.
 *
 * @returns what ends the listening
 */
export function onAbort(signal: AbortSignal, heard: () => void): () => void {
  const known = watched.get(signal);
  const all = known ?? new Set();
  // The same function may listen twice.
  const mine = (): void => heard();
  const tell = (): void => {
    watched.delete(signal);
    for (const each of [...all]) if (all.delete(each)) each();
  };
  if (known === undefined) {
    watched.set(signal, all);
    signal.addEventListener('abort', tell, { once: true });
    listeners.set(all, tell);
  }
  all.add(mine);
  return () => {
    if (!all.delete(mine) || all.size > 0) return;
    const listener = listeners.get(all);
    if (listener !== undefined) signal.removeEventListener('abort', listener);
    if (watched.get(signal) === all) watched.delete(signal);
  };
}

const listeners = new WeakMap<Set<() => void>, () => void>();
