/** The guide's program for Keyv. */

// #region open
import Keyv from 'keyv';
import { open } from 'ubiqlite';
import { UbiqliteStore } from 'ubiqlite/keyv';

export const cache = (path) => new Keyv({ store: new UbiqliteStore({ database: () => open(path) }), namespace: 'pages', ttl: 60_000 });
// #endregion open

// #region use
/** Returns a page from the cache, or renders and caches it. */
export async function page(pages, address, render) {
  const cached = await pages.get(address);
  if (cached !== undefined) return cached;
  const rendered = await render(address);
  await pages.set(address, rendered);
  return rendered;
}
// #endregion use
