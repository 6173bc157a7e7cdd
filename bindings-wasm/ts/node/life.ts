/**
 * A sign of life that is seen from other containers of the same system: a socket beside
 * the lock, which its holder listens on. However a process ends, the system lets nobody
 * connect to it any more; a number of a process tells nothing there.
 */
import * as fs from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { systemCode } from './failure.js';
import type { Holder } from './holder.js';

/** Whether a holder lives, as far as its sign tells. */
export type Life = 'lives' | 'gone' | 'unknown';

/** The name of a holder's sign, short, since addresses of sockets are. */
const nameOf = (token: string): string => `.${token}.ubiqlite`;

/** Its name until somebody listens there: whoever finds a sign that does not, takes its holder for dead. */
const draftOf = (token: string): string => `${nameOf(token)}~`;

/** Whether signs are given here: only Linux has containers of one system. */
export const GIVEN = process.platform === 'linux';

/**
 * The sign of who has a lock, or a line among the native engines. It is given after that is written, so that whoever
 * clears away what one left who was killed knows the sign's name; until it is there, nobody knows whether they live.
 */
export class Sign {
  private constructor(
    private readonly lock: string,
    private readonly token: string,
    private readonly server: Server,
  ) {}

  /** Gives a sign, where the system and the directory can. */
  static give(lock: string, token: string): Sign | undefined {
    if (!GIVEN) return undefined;
    const server = createServer((socket) => socket.destroy());
    // What went wrong is seen below: then there is no sign.
    server.on('error', () => {});
    try {
      // Not by way of a cluster's first process, which may outlive this one.
      at(lock, draftOf(token), (path) => server.listen({ path, exclusive: true }));
      server.unref();
      // Not all that run programs for Node listen within the call.
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
    // First, so that nobody finds a sign without life of who comes back.
    clearSign(this.lock, this.token);
    this.server.close();
  }
}

/** Names what a holder holds now: its token, and when it took it. */
export const keyOf = (holder: Holder): string => `${holder.token} ${holder.since}`;

/** The file of the sign of a lock's holder. */
export function signOf(lock: string, token: string): string {
  return join(dirname(lock), nameOf(token));
}

/** Removes the sign of a holder that is gone, or goes. */
export function clearSign(lock: string, token: string): void {
  for (const name of [nameOf(token), draftOf(token)]) fs.rmSync(join(dirname(lock), name), { force: true });
}

/**
 * Whether the holder of a lock lives. `unknown`: it runs on another system, gave no sign,
 * or its sign can't be read.
 */
export async function lifeOf(lock: string, holder: Holder, me: Holder): Promise<Life> {
  // Sockets reach no further than their system, and its boot's number is its own.
  if (holder.sign !== true || holder.boot === undefined || holder.boot !== me.boot) return 'unknown';
  return new Promise((resolve) => {
    try {
      at(lock, nameOf(holder.token), (path) => {
        const socket = connect({ path });
        socket.once('connect', () => {
          socket.destroy();
          resolve('lives');
        });
        // Without a file of that name it is another's lock by now, or it is being released.
        socket.once('error', (error) => resolve(systemCode(error) === 'ECONNREFUSED' ? 'gone' : 'unknown'));
      });
    } catch {
      resolve('unknown');
    }
  });
}

/** Has `action` use the address of a sign, by a path that is short however long its directory's is. */
function at(lock: string, name: string, action: (path: string) => void): void {
  const directory = fs.openSync(dirname(lock), 'r');
  try {
    action(`/proc/self/fd/${directory}/${name}`);
  } finally {
    fs.closeSync(directory);
  }
}
