/**
 * Reports when this context stops running without being gone. A frozen page, or one in the
 * back-forward cache, runs no code and may come back an hour later; everything it held
 * would block everybody else. So it releases everything before, and takes part again when
 * it is back.
 *
 * Workers get no such events: a leading worker that is frozen with its page keeps the
 * others waiting until it continues. A page that opens the database itself does not.
 */
export interface Lifecycle {
  /** Whether this context is suspended now. */
  readonly suspended: boolean;
  /** Calls `suspend` and `resume` at each change, until the returned function is called. */
  watch(events: { suspend(): void; resume(): void }): () => void;
}

type Watcher = Parameters<Lifecycle['watch']>[0];

const watchers = new Set<Watcher>();
let suspended = false;

function change(to: boolean): void {
  if (suspended === to) return;
  suspended = to;
  for (const watcher of [...watchers]) {
    if (to) watcher.suspend();
    else watcher.resume();
  }
}

if (typeof document === 'object' && typeof addEventListener === 'function') {
  // pagehide fires for pages that end, too: releasing everything then, rather than once the
  // browser has torn down the page, shortens the next leader's wait.
  addEventListener('pagehide', () => change(true));
  addEventListener('pageshow', () => change(false));
  document.addEventListener('freeze', () => change(true));
  document.addEventListener('resume', () => change(false));
}

export const lifecycle: Lifecycle = {
  get suspended() {
    return suspended;
  },
  watch(events) {
    watchers.add(events);
    return () => void watchers.delete(events);
  },
};
