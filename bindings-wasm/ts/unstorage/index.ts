/**
 * A driver for unstorage that keeps items in a table of a database: `createStorage({ driver: ubiqlite({ database }) })`, from
 * `ubiqlite/unstorage`.
 *
 * @module
 */

import type { Driver, StorageMeta, TransactionOptions, Unwatch, WatchCallback } from 'unstorage';

import { type Content, Entries, type Entry, type Source } from '../entries/entries.js';

/** The configuration of the driver. */
export interface UbiqliteDriverOptions {
  /**
   * The database, or a function that opens it, which is called at the first use. `dispose()` closes what such a function
   * has opened, and leaves a database as it is.
   */
  database: Source;
  /** The table of the items, which is created when it is missing. Default: `unstorage_items` */
  table?: string;
  /** How long an item is there for which `setItem` has no `ttl`, in seconds. Default: for good */
  ttl?: number;
}

/** The driver, with all that a driver may have. */
export type UbiqliteDriver = Required<Pick<Driver<UbiqliteDriverOptions, Promise<unknown>>, 'getItems' | 'setItem' | 'setItems' | 'setItemRaw' | 'getItemRaw' | 'removeItem' | 'getMeta' | 'clear' | 'dispose' | 'watch'>> &
  Driver<UbiqliteDriverOptions, Promise<unknown>>;

/**
 * Returns a driver for unstorage.
 *
 * ```ts
 * import { open } from 'ubiqlite';
 * import ubiqlite from 'ubiqlite/unstorage';
 * import { createStorage } from 'unstorage';
 *
 * const storage = createStorage({ driver: ubiqlite({ database: () => open('app.db') }) });
 * ```
 * Several storages, tabs and processes may use one table: each `watch` is told of the changes of all. `setItems` stores all
 * items or none. `ttl` is an option of `setItem` and `setItems`, in seconds. Raw items are texts or bytes.
 */
export default function ubiqlite(options: UbiqliteDriverOptions): UbiqliteDriver {
  const entries = new Entries(options.database, options.table ?? 'unstorage_items');
  const entry = (key: string, content: Entry['content'], { ttl = options.ttl }: TransactionOptions = {}): Entry => {
    return { key, content, expires: typeof ttl === 'number' ? Date.now() + ttl * 1000 : undefined };
  };
  return {
    name: 'ubiqlite',
    options,
    flags: { ttl: true },
    getInstance: () => entries.database(),
    hasItem: (key) => entries.has(key),
    getItem: async (key) => text(await entries.content(key)),
    async getItems(items) {
      const contents = await entries.contents(items.map(({ key }) => key));
      return items.map(({ key }, at) => ({ key, value: text(contents[at]) }));
    },
    getItemRaw: async (key) => (await entries.content(key)) ?? null,
    setItem: (key, value, more) => entries.store([entry(key, value, more)]),
    setItems(items, common) {
      return entries.store(items.map(({ key, value, options: own }) => entry(key, value, { ...common, ...own })));
    },
    async setItemRaw(key, value: unknown, more) {
      if (typeof value !== 'string' && !(value instanceof ArrayBuffer) && !ArrayBuffer.isView(value)) {
        throw new TypeError(`a raw item must be a text or bytes, not ${value === null ? 'null' : typeof value}`);
      }
      await entries.store([entry(key, value, more)]);
    },
    async removeItem(key) {
      await entries.remove([key]);
    },
    async getMeta(key): Promise<StorageMeta | null> {
      const times = await entries.times(key);
      if (times === undefined) return null;
      const { created, modified, expires } = times;
      const meta: StorageMeta = { birthtime: new Date(created), mtime: new Date(modified) };
      if (expires !== null) meta.ttl = Math.ceil((expires - Date.now()) / 1000);
      return meta;
    },
    getKeys: (base) => entries.keys(base ?? ''),
    clear: (base) => entries.clear(base ?? ''),
    dispose: () => entries.close(),
    watch: (callback: WatchCallback): Promise<Unwatch> => entries.watch(callback),
  };
}

/** Returns an item as text, as it was stored or, if it was bytes, in UTF-8. */
function text(content: Content | undefined): string | null {
  if (content === undefined) return null;
  return typeof content === 'string' ? content : new TextDecoder().decode(content);
}
