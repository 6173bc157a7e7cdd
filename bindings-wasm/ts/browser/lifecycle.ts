/**
 * When this context stops running without being gone. A frozen page, and one in
 * the back-forward cache, runs no code and may come back an hour later: whatever
 * it held would be held against everybody. So it lets go of all before, and
 * takes part again when it is back.
 *
 * Workers get no such events: one that leads and is frozen with its page keeps the
 * others waiting until it goes on. A page that opens the database itself does not.
 */
export interface Lifecycle {
  /** Whether this context is suspended now. */
  readonly suspended: boolean;
  /** Calls `suspend` and `resume` at each change until it is told to end. */
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
  // pagehide comes for pages that end too: letting go there, rather than when the
  // browser has taken the page down, makes the next leader's wait shorter.
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
