import { failure } from './failure.js';
import { electionLock, holdIfFree } from './locks.js';

/** How long the last user of a database may take to release it. */
const PATIENCE = 500;

/**
 * Runs `action` while nobody has the database open, and keeps others from opening it.
 *
 * @throws `Busy` if somebody has it open
 */
export async function exclusively<T>(name: string, verb: string, action: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const release = await holdIfFree(electionLock(name));
    if (release !== undefined) {
      try {
        return await action();
      } finally {
        release();
      }
    }
    if (performance.now() > deadline) {
      throw failure('Busy', `${name} is open here or in another tab; close it there to ${verb} it`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
