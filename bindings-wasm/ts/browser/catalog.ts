import { clear, contents, databases, existingDirectory, isNamed, mainSize, markerOf, root } from './directory.js';
import { exclusively } from './exclusive.js';
import { refusedStorage } from './failure.js';
import { directoryName } from './names.js';
import { requireStorage } from './requirements.js';

/** Returns the names of the databases of this origin, sorted. */
export async function list(): Promise<string[]> {
  requireStorage();
  const names: string[] = [];
  try {
    for await (const [name, within] of databases()) {
      if ((await mainSize(within)) > 0) names.push(name);
    }
  } catch (error) {
    throw refusedStorage(error);
  }
  return names.sort();
}

/**
 * Removes a database with everything in it. Returns whether there was one.
 *
 * @throws `Busy` while somebody has it open
 */
export async function remove(name: string): Promise<boolean> {
  const entry = directoryName(name);
  requireStorage();
  return exclusively(name, 'remove', async () => {
    const within = await existingDirectory(name).catch((error: unknown) => {
      throw refusedStorage(error);
    });
    if (within === undefined) return false;
    const was = (await mainSize(within)) > 0;
    const { valid } = await contents(within);
    // From here on there is no database, whatever happens to the rest.
    if (valid > 0) await within.removeEntry(markerOf(valid));
    try {
      await (await root()).removeEntry(entry, { recursive: true });
    } catch (error) {
      // A worker that is ending still has the files open; the next opening clears them away.
      if (!isNamed(error, 'NoModificationAllowedError')) throw error;
      await clear(within, (await contents(within)).stale);
    }
    return was;
  });
}
