import { Host } from './host.js';

/** The workers of this thread that have a file open, by its name. */
const hosts = new Map<string, Host>();

/** Returns the worker that has this file open, or will have. Starts a new one if there is none. */
export async function hostOf(file: string): Promise<Host> {
  for (;;) {
    const known = hosts.get(file);
    if (known === undefined) break;
    if (!known.isEnding) return known;
    // It holds the lock until then.
    await known.gone;
  }
  watch();
  const host = new Host(file);
  hosts.set(file, host);
  void host.gone.then(() => hosts.delete(file));
  return host;
}

let watching = false;

/**
 * Closes the databases when the program ends. A program with nothing left to do ends even
 * if its databases are open, so they are closed in an orderly way first. If it continues,
 * the next call opens them again. Databases in memory would be lost, so they stay open.
 */
function watch(): void {
  if (watching) return;
  watching = true;
  process.on('beforeExit', () => {
    for (const host of hosts.values()) void host.suspend('the process was about to end');
  });
}
