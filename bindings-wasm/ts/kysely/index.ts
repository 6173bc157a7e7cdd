/**
 * Kysely on this library: `new Kysely({ dialect: new UbiqliteDialect({ database }) })`, from `ubiqlite/kysely`.
 *
 * @module
 */

import { type DatabaseIntrospector, type Dialect, type DialectAdapter, type Driver, type Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';

import { type UbiqliteDialectConfig, UbiqliteDriver } from './driver.js';

export type { UbiqliteDialectConfig } from './driver.js';

/**
 * A dialect of Kysely that runs on a database of this library, in browsers and in Node.
 *
 * ```ts
 * import { Kysely } from 'kysely';
 * import { open } from 'ubiqlite';
 * import { UbiqliteDialect } from 'ubiqlite/kysely';
 *
 * const db = new Kysely<Schema>({ dialect: new UbiqliteDialect({ database: () => open('app.db') }) });
 * ```
 */
export class UbiqliteDialect implements Dialect {
  /** @param config the database, or what opens it */
  constructor(private readonly config: UbiqliteDialectConfig) {}

  /** Returns what runs Kysely's queries on the database. */
  createDriver(): Driver {
    return new UbiqliteDriver(this.config);
  }

  /** Returns Kysely's own compiler for SQLite. */
  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  /** Returns what tells Kysely what the database can do. */
  createAdapter(): DialectAdapter {
    return new UbiqliteAdapter();
  }

  /** Returns Kysely's own introspection of SQLite. */
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** What Kysely is told that the database can do. */
class UbiqliteAdapter extends SqliteAdapter {
  /** Reads go on next to a transaction. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /**
   * Migrations run in one transaction, which is also what keeps another tab or process from running them at the same
   * time: Kysely reads what is done inside of it.
   */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  override get supportsCreateIfNotExists(): boolean {
    return true;
  }
}
