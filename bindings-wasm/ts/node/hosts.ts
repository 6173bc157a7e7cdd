import { Host } from './host.js';

/** The workers of this thread that have a file open, by its name. */
const hosts = new Map<string, Host>();

/** The worker that has this file open, or will have; a new one where there is none. */
export async function hostOf(file: string): Promise<Host> {
  for (;;) {
    const known = hosts.get(file);
    if (known === undefined) break;
    if (!known.isEnding) return known;
    // It has the lock until then.
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
 * A program that has nothing left to do ends though its databases are open. They
 * are closed in order before; should the program go on, they are opened again
 * with the next call. Databases in memory would not be the same again: they stay.
 */
function watch(): void {
  if (watching) return;
  watching = true;
  process.on('beforeExit', () => {
    for (const host of hosts.values()) void host.suspend('the process was about to end');
  });
}
