/**
 * A sign of life that is visible from other containers of the same system: a socket next
 * to the lock, on which its holder listens. However a process ends, the system then lets
 * nobody connect to it any more. A process number means nothing in another container.
 */
import * as fs from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { systemCode } from './failure.js';
import type { Holder } from './holder.js';

/** Whether a holder is alive, as far as its sign shows. */
export type Life = 'lives' | 'gone' | 'unknown';

/** Returns the name of a holder's sign. It is short, since socket addresses are. */
const nameOf = (token: string): string => `.${token}.ubiqlite`;

/** Returns its name until somebody listens there: a sign without a listener means that its holder is dead. */
const draftOf = (token: string): string => `${nameOf(token)}~`;

/** Whether signs are given on this system: only Linux has containers that share a system. */
export const GIVEN = process.platform === 'linux';

/**
 * The sign of the holder of a lock, or of a line among the native engines. It is given after the lock or line is
 * written, so that the sign's name is known when the remains of a killed holder are cleared away. Until the sign is
 * there, nobody knows whether the holder is alive.
 */
export class Sign {
  private constructor(
    private readonly lock: string,
    private readonly token: string,
    private readonly server: Server,
  ) {}

  /** Gives a sign, if the system and the directory support it. */
  static give(lock: string, token: string): Sign | undefined {
    if (!GIVEN) return undefined;
    const server = createServer((socket) => socket.destroy());
    // Failures are noticed below; then there is no sign.
    server.on('error', () => {});
    try {
      // Not through the primary process of a cluster, which may outlive this one.
      at(lock, draftOf(token), (path) => server.listen({ path, exclusive: true }));
      server.unref();
      // Not every runtime for Node programs listens within the call.
      if (!server.listening) throw new Error('it does not listen yet');
      fs.renameSync(join(dirname(lock), draftOf(token)), signOf(lock, token));
      return new Sign(lock, token, server);
    } catch {
      server.once('listening', () => server.close());
      server.close();
      clearSign(lock, token);
      return undefined;
    }
  }

  end(): void {
    // First, so that nobody finds a dead sign of a holder that comes back.
    clearSign(this.lock, this.token);
    this.server.close();
  }
}

/** Returns a name for what a holder holds now: its token, and when it took it. */
export const keyOf = (holder: Holder): string => `${holder.token} ${holder.since}`;

/** Returns the file of the sign of a lock's holder. */
export function signOf(lock: string, token: string): string {
  return join(dirname(lock), nameOf(token));
}

/** Removes the sign of a holder that is gone or is leaving. */
export function clearSign(lock: string, token: string): void {
  for (const name of [nameOf(token), draftOf(token)]) fs.rmSync(join(dirname(lock), name), { force: true });
}

/**
 * Returns whether the holder of a lock is alive. `unknown`: it runs on another system,
 * gave no sign, or its sign can't be read.
 */
export async function lifeOf(lock: string, holder: Holder, me: Holder): Promise<Life> {
  // Sockets reach no further than their system, which its boot id identifies.
  if (holder.sign !== true || holder.boot === undefined || holder.boot !== me.boot) return 'unknown';
  return new Promise((resolve) => {
    try {
      at(lock, nameOf(holder.token), (path) => {
        const socket = connect({ path });
        socket.once('connect', () => {
          socket.destroy();
          resolve('lives');
        });
        // Without a file of that name, the lock has another holder by now, or is being released.
        socket.once('error', (error) => resolve(systemCode(error) === 'ECONNREFUSED' ? 'gone' : 'unknown'));
      });
    } catch {
      resolve('unknown');
    }
  });
}

/** Runs `action` with the address of a sign, as a path that is short however long its directory's path is. */
function at(lock: string, name: string, action: (path: string) => void): void {
  const directory = fs.openSync(dirname(lock), 'r');
  try {
    action(`/proc/self/fd/${directory}/${name}`);
  } finally {
    fs.closeSync(directory);
  }
}
