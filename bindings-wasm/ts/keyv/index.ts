/**
 * A store for Keyv in a table of a database: `new Keyv({ store: new UbiqliteStore({ database }) })`, from `ubiqlite/keyv`.
 *
 * @module
 */

import { type Content, Entries, type Source } from '../entries/entries.js';

/** The configuration of a {@link UbiqliteStore}. */
export interface UbiqliteStoreOptions {
  /**
   * The database, or a function that opens it, which is called at the first use. `disconnect()` closes what such a
   * function has opened, and leaves a database as it is.
   */
  database: Source;
  /** The table of the entries, which is created when it is missing. Default: `keyv_entries` */
  table?: string;
}

/** An entry for {@link UbiqliteStore.setMany}. `ttl` is in milliseconds; `undefined`: it does not expire. */
export interface KeyvStoreEntry {
  key: string;
  value: unknown;
  ttl?: number | undefined;
}

/**
 * What Keyv 5 and 6 take for a store. Entries that have expired are gone, for `has()` and iterators too, and later writes
 * remove them from the table.
 *
 * ```ts
 * import Keyv from 'keyv';
 * import { open } from 'ubiqlite';
 * import { UbiqliteStore } from 'ubiqlite/keyv';
 *
 * const cache = new Keyv({ store: new UbiqliteStore({ database: () => open('cache.db') }), namespace: 'pages' });
 * ```
 * @throws each method: what the database throws. Keyv reports errors as its own options say
 */
export class UbiqliteStore {
  /**
   * Set by Keyv 5, whose keys begin with it: `clear()` is for those. Keyv 6 has a namespace of its own around the store, as
   * long as there is no such property before.
   */
  declare namespace?: string | undefined;

  /** The configuration, with what tells Keyv 5 that there is an iterator. */
  readonly opts: UbiqliteStoreOptions & { dialect: 'sqlite'; [option: string]: any };

  private readonly entries: Entries;

  /** @param options the database, and the name of the table */
  constructor(options: UbiqliteStoreOptions) {
    this.opts = { ...options, dialect: 'sqlite' };
    this.entries = new Entries(options.database, options.table ?? 'keyv_entries');
  }

  /** Returns what Keyv's serializer has made of a value; `undefined` without one. */
  get<Value>(key: string): Promise<Value | undefined> {
    return this.entries.content(key) as Promise<Value | undefined>;
  }

  /** Returns the same for several keys, in their order. */
  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return this.entries.contents(keys) as Promise<(Value | undefined)[]>;
  }

  /**
   * Stores a text or bytes.
   *
   * @param ttl how long it is there, in milliseconds. Default: for good
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.setMany([{ key, value, ttl }]);
    return true;
  }

  /** Stores several entries, all or none. */
  async setMany(entries: KeyvStoreEntry[]): Promise<any> {
    const now = Date.now();
    await this.entries.store(entries.map(({ key, value, ttl }) => ({ key, content: content(value), expires: ttl === undefined ? undefined : now + ttl })));
    return entries.map(() => true);
  }

  /** Removes an entry, and returns whether there was one. */
  delete(key: string): Promise<boolean> {
    return this.deleteMany([key]);
  }

  /** Removes several entries, all or none, and returns whether there was one of them. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return (await this.entries.remove(keys)) > 0;
  }

  /** Returns whether there is an entry. */
  has(key: string): Promise<boolean> {
    return this.entries.has(key);
  }

  /** Returns the same for several keys, in their order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    const known = await this.entries.known(keys);
    return keys.map((key) => known.has(key));
  }

  /** Removes the entries of the namespace, or all. */
  clear(): Promise<void> {
    return this.entries.clear(prefix(this.namespace));
  }

  /** Returns the entries of a namespace, by default all, sorted by their keys. It reads a hundred at a time. */
  iterator<Value>(namespace?: string): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    return this.entries.entries(prefix(namespace)) as AsyncGenerator<[string, any], void>;
  }

  /** Closes the database, if it was opened for this store. */
  disconnect(): Promise<void> {
    return this.entries.close();
  }

  /** There are no events: what goes wrong, the calls throw. */
  on(): this {
    return this;
  }
}

/** Returns what all keys of a namespace begin with. */
function prefix(namespace: string | undefined): string {
  return namespace ? `${namespace}:` : '';
}

/** @throws TypeError for what is neither text nor bytes */
function content(value: unknown): Content {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  throw new TypeError(`a store keeps texts and bytes, not ${value === null ? 'null' : typeof value}: leave Keyv its serializer`);
}
