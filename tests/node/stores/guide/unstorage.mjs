/** The guide's program for unstorage. */

// #region open
import { open } from 'ubiqlite';
import ubiqlite from 'ubiqlite/unstorage';
import { createStorage } from 'unstorage';

export const storage = (path) => createStorage({ driver: ubiqlite({ database: () => open(path) }) });
// #endregion open

// #region watch
/** Calls `render` with the name and the settings of a user whenever somebody has changed them. Returns what ends it. */
export function watchSettings(storage, render) {
  return storage.watch(async (event, key) => {
    if (key.startsWith('settings:')) render(key.slice(9), event === 'remove' ? null : await storage.getItem(key));
  });
}
// #endregion watch
