/**
 * Prisma on this library: `new PrismaClient({ adapter: new PrismaUbiqlite({ database }) })`, from `ubiqlite/prisma`.
 *
 * @module
 */

import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';

import type { Database } from '../api/database.js';
import { Adapter } from './adapter.js';
import { ADAPTER } from './queryable.js';

/** The configuration of a {@link PrismaUbiqlite}. */
export interface PrismaUbiqliteConfig {
  /**
   * A function that opens the database, or the database.
   *
   * The function is called at the first query and again at the first one after `$disconnect()`, which closes what it
   * opened. A database stays open until whoever opened it closes it.
   *
   * Open it with `bigint: true`: then what `$queryRaw` computes, such as `count(*)`, is a BigInt, as with Prisma's own
   * adapters, and is told from a real number. Otherwise it is a number, as far as a number can hold it. What models
   * return is the same either way.
   */
  database: Database | (() => Database | Promise<Database>);
  /**
   * A function that opens an empty database, in which Prisma's schema engine replays migrations. Only that needs one.
   */
  shadowDatabase?: () => Database | Promise<Database>;
  /**
   * How a `DateTime` is stored: as text (`'iso8601'`, `2026-01-31T12:00:00.000+00:00`), or as milliseconds since 1970
   * (`'unixepoch-ms'`). Either is read. Default: `'iso8601'`.
   */
  timestampFormat?: 'iso8601' | 'unixepoch-ms';
}

/**
 * A driver adapter for Prisma Client 7, from 7.5 on.
 *
 * ```ts
 * import { open } from 'ubiqlite';
 * import { PrismaUbiqlite } from 'ubiqlite/prisma';
 * import { PrismaClient } from './generated/client';
 *
 * const adapter = new PrismaUbiqlite({ database: () => open('app.db', { bigint: true }) });
 * const prisma = new PrismaClient({ adapter });
 * ```
 */
export class PrismaUbiqlite implements SqlMigrationAwareDriverAdapterFactory {
  /** The provider that the schema's `datasource` names. */
  readonly provider = 'sqlite';
  /** What Prisma calls this adapter in its messages. */
  readonly adapterName: string = ADAPTER;

  /** @param config the database, or what opens it */
  constructor(private readonly config: PrismaUbiqliteConfig) {}

  /** Returns what runs Prisma's queries. Prisma calls it. */
  async connect(): Promise<SqlDriverAdapter> {
    const { database } = this.config;
    if (typeof database !== 'function') return new Adapter(database, this.config, false);
    return new Adapter(await database(), this.config, true);
  }

  /**
   * Returns the same on an empty database. Prisma's schema engine calls it.
   * @throws Error if `shadowDatabase` is not configured
   */
  async connectToShadowDb(): Promise<SqlDriverAdapter> {
    const { shadowDatabase } = this.config;
    if (shadowDatabase === undefined) {
      throw new Error("PrismaUbiqlite has no shadow database: configure shadowDatabase, e.g. () => open(':memory:')");
    }
    return new Adapter(await shadowDatabase(), this.config, true);
  }
}
