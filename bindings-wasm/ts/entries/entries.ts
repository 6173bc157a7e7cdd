import type { Database } from '../api/database.js';
import type { Value } from '../wire/values.js';

/** A database, or a function that opens it, which is called at the first use. */
export type Source = Database | (() => Database | Promise<Database>);

/** What a store keeps: text, or bytes. */
export type Content = string | Uint8Array;

/** An entry that is to be stored. `expires` is in milliseconds since 1970; `undefined`: never. */
export interface Entry {
  key: string;
  content: Content | ArrayBuffer | ArrayBufferView;
  expires?: number | undefined;
}

/** An entry's times, in milliseconds since 1970. */
export interface Times {
  created: number;
  modified: number;
  expires: number | null;
}

/** How many entries an iteration reads at once. */
const PAGE = 100;

/**
 * Keys with their texts or bytes, in a table of a database: what the adapters for key-value stores stand on.
 *
 * An entry that has expired is not there for any method. It leaves the table later: each entry that is stored to expire
 * removes up to two that have.
 */
export class Entries {
  private readonly table: string;
  private ready: Promise<Database> | undefined;

  constructor(
    private readonly source: Source,
    /** The name of the table, which is created when it is missing. */
    readonly name: string,
  ) {
    this.table = `"${name.replaceAll('"', '""')}"`;
  }

  /** Returns the database, with the table. After a failure it is tried again. */
  database(): Promise<Database> {
    return (this.ready ??= this.prepare().catch((error: unknown) => {
      this.ready = undefined;
      throw error;
    }));
  }

  /** Returns the contents of these keys, in their order. */
  async contents(keys: readonly string[]): Promise<(Content | undefined)[]> {
    const rows = await this.query<[string, Content]>(
      `SELECT key, content FROM ${this.table} WHERE key IN (SELECT value FROM json_each(?)) AND ${LIVE}`,
      [keys, Date.now()],
    );
    const found = new Map(rows);
    return keys.map((key) => found.get(key));
  }

  /** Returns the content of a key. */
  async content(key: string): Promise<Content | undefined> {
    const [row] = await this.query<[Content]>(`SELECT content FROM ${this.table} WHERE key = ? AND ${LIVE}`, [key, Date.now()]);
    return row?.[0];
  }

  /** Returns when an entry was created and changed, and when it expires. */
  async times(key: string): Promise<Times | undefined> {
    const sql = `SELECT created, modified, expires FROM ${this.table} WHERE key = ? AND ${LIVE}`;
    const [row] = await this.query<[number | bigint, number | bigint, number | bigint | null]>(sql, [key, Date.now()]);
    if (row === undefined) return undefined;
    // The database may have been opened with `bigint: true`.
    const [created, modified, expires] = row;
    return { created: Number(created), modified: Number(modified), expires: expires === null ? null : Number(expires) };
  }

  /** Returns whether there is an entry. */
  async has(key: string): Promise<boolean> {
    return (await this.known([key])).has(key);
  }

  /** Returns which of these keys there are. */
  async known(keys: readonly string[]): Promise<Set<string>> {
    const sql = `SELECT key FROM ${this.table} WHERE key IN (SELECT value FROM json_each(?)) AND ${LIVE}`;
    return new Set((await this.query<[string]>(sql, [keys, Date.now()])).flat());
  }

  /** Returns the keys that begin with this text, sorted. */
  async keys(prefix: string): Promise<string[]> {
    const rows = await this.query<[string]>(`SELECT key FROM ${this.table} WHERE ${PREFIX} AND ${LIVE} ORDER BY key`, [...range(prefix), Date.now()]);
    return rows.flat();
  }

  /** Returns the entries whose keys begin with this text, sorted, a hundred at a time: the reader may change them. */
  async *entries(prefix: string): AsyncGenerator<[key: string, content: Content], void> {
    const sql = `SELECT key, content FROM ${this.table} WHERE ${PREFIX} AND key > ? AND ${LIVE} ORDER BY key LIMIT ${PAGE}`;
    const [from, to] = range(prefix);
    let last = '';
    // The empty key comes before all others.
    if (prefix === '') {
      const empty = await this.content('');
      if (empty !== undefined) yield ['', empty];
    }
    for (;;) {
      const page = await this.query<[string, Content]>(sql, [from, to, last, Date.now()]);
      yield* page;
      if (page.length < PAGE) return;
      [last] = page[page.length - 1]!;
    }
  }

  /** Stores entries, all or none. */
  async store(entries: readonly Entry[]): Promise<void> {
    const now = Date.now();
    const database = await this.database();
    const upsert = `INSERT INTO ${this.table} (key, content, expires, created, modified, version) VALUES (?, ?, ?, ?4, ?4, random())
      ON CONFLICT (key) DO UPDATE SET content = excluded.content, expires = excluded.expires, modified = excluded.modified,
        created = CASE WHEN expires <= ?4 THEN excluded.created ELSE created END, version = excluded.version`;
    const writes = entries.map(({ key, content, expires }) => [upsert, [key, content, expires ?? null, now]] as const);
    const expiring = entries.filter(({ expires }) => expires !== undefined).length;
    if (expiring > 0) {
      const sweep = `DELETE FROM ${this.table} WHERE key IN (SELECT key FROM ${this.table} WHERE expires <= ? LIMIT ?)`;
      await database.batch([[sweep, [now, 2 * expiring]], ...writes]);
    } else if (writes.length === 1) {
      await database.execute(...writes[0]!);
    } else if (writes.length > 0) {
      await database.batch(writes);
    }
  }

  /** Removes these keys, all or none, and returns how many there were. */
  async remove(keys: readonly string[]): Promise<number> {
    const sql = `DELETE FROM ${this.table} WHERE key IN (SELECT value FROM json_each(?))`;
    return (await (await this.database()).execute(sql, [keys])).rowsChanged;
  }

  /** Removes the keys that begin with this text. */
  async clear(prefix: string): Promise<void> {
    const database = await this.database();
    await database.execute(`DELETE FROM ${this.table} WHERE ${PREFIX}`, range(prefix));
  }

  /**
   * Calls `changed` for each key that is stored or removed after the promise is done, whoever does it. If the watch fails,
   * the platform reports the error.
   *
   * @returns what ends the watch
   */
  async watch(changed: (kind: 'update' | 'remove', key: string) => void): Promise<() => void> {
    const database = await this.database();
    // The version makes an entry that was removed and stored again another one.
    const watch = database.watch<[string, unknown]>(`SELECT key, version FROM ${this.table}`, [], { key: 'key', rows: 'array' });
    const first = await watch.next();
    let before = first.value?.rows ?? [];
    return watch.subscribe(({ rows, diff }) => {
      const old = before;
      before = rows;
      for (const at of diff.removed) changed('remove', old[at]![0]);
      for (const at of [...diff.added, ...diff.updated]) changed('update', rows[at]![0]);
    });
  }

  /** Closes the database, if it was opened here. The next use opens it again. */
  async close(): Promise<void> {
    const { ready } = this;
    this.ready = undefined;
    if (typeof this.source === 'function') await (await ready)?.close();
  }

  private async query<R extends readonly unknown[]>(sql: string, params: readonly Value[]): Promise<R[]> {
    return (await this.database()).query<R>(sql, params, { rows: 'array' });
  }

  private async prepare(): Promise<Database> {
    const { source } = this;
    if (typeof source !== 'function') return this.create(source);
    const database = await source();
    return this.create(database).catch(async (error: unknown) => {
      // The next use opens another.
      await database.close().catch(() => {});
      throw error;
    });
  }

  private async create(database: Database): Promise<Database> {
    const { table, name } = this;
    const index = `"${`${name}_expires`.replaceAll('"', '""')}"`;
    await database.batch([
      // The content is last: what is before it is read without it.
      `CREATE TABLE IF NOT EXISTS ${table} (key TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, expires INTEGER,
        created INTEGER NOT NULL, modified INTEGER NOT NULL, content NOT NULL)`,
      `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (expires) WHERE expires IS NOT NULL`,
    ]);
    return database;
  }
}

const LIVE = '(expires IS NULL OR expires > ?)';

/** As a range, for which SQLite uses the key's index: texts are compared by their bytes, of which none is 255 in UTF-8. */
const PREFIX = "key >= ? AND key < ? || x'ff'";

/** Returns the parameters of {@link PREFIX}. */
function range(prefix: string): [from: string, to: string] {
  return [prefix, prefix];
}
