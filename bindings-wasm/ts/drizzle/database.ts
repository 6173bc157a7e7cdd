import { type DrizzleConfig, DefaultLogger, entityKind } from 'drizzle-orm';
import type { BatchItem, BatchResponse } from 'drizzle-orm/batch';
import { type ExtractTablesWithRelations, createTableRelationsHelpers, extractTablesRelationalConfig } from 'drizzle-orm/relations';
import { BaseSQLiteDatabase, SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core';

import type { Database } from '../api/database.js';
import type { Session } from '../api/session.js';
import type { Executed } from '../wire/reply.js';
import { type Schema, UbiqliteSession } from './session.js';

/** What Drizzle runs on: a database, or a session of one, which has a connection of its own. */
export type DrizzleClient = Database | Session;

/** A database of Drizzle's: its query builders, with `batch` and `transaction`. */
export class UbiqliteDatabase<TSchema extends Record<string, unknown> = Record<string, never>> extends BaseSQLiteDatabase<
  'async',
  Executed,
  TSchema
> {
  static override readonly [entityKind]: string = 'UbiqliteDatabase';

  /** @internal */
  constructor(
    dialect: SQLiteAsyncDialect,
    private readonly ours: UbiqliteSession<TSchema, ExtractTablesWithRelations<TSchema>>,
    schema: Schema<ExtractTablesWithRelations<TSchema>> | undefined,
  ) {
    super('async', dialect, ours, schema);
  }

  /**
   * Runs several queries in one transaction, in their order: all or none. Returns the result of each.
   *
   * ```ts
   * const [, all] = await db.batch([db.insert(items).values({ name: 'lamp' }), db.select().from(items)]);
   * ```
   */
  batch<U extends BatchItem<'sqlite'>, T extends Readonly<[U, ...U[]]>>(queries: T): Promise<BatchResponse<T>> {
    return this.ours.batch(queries) as Promise<BatchResponse<T>>;
  }
}

/** A database of Drizzle's with what it runs on, as `drizzle()` returns it. */
export type WithClient<TSchema extends Record<string, unknown>, C> = UbiqliteDatabase<TSchema> & { $client: C };

/**
 * Returns a database of Drizzle's that runs on this one.
 *
 * ```ts
 * import { open } from 'ubiqlite';
 * import { drizzle } from 'ubiqlite/drizzle';
 *
 * const db = drizzle(await open('app.db'), { schema });
 * ```
 * @param client a database, or a session, or the configuration with one as its `client`
 * @param config Drizzle's own: `schema`, `casing`, `logger`, `cache`
 */
export function drizzle<TSchema extends Record<string, unknown> = Record<string, never>, C extends DrizzleClient = DrizzleClient>(
  client: C | (DrizzleConfig<TSchema> & { client: C }),
  config?: DrizzleConfig<TSchema>,
): WithClient<TSchema, C> {
  if ('client' in client) return construct(client.client as C, client as DrizzleConfig<TSchema>);
  return construct(client as C, config ?? {});
}

function construct<TSchema extends Record<string, unknown>, C extends DrizzleClient>(
  client: C,
  { schema: fullSchema, casing, logger, cache }: DrizzleConfig<TSchema>,
): WithClient<TSchema, C> {
  const dialect = new SQLiteAsyncDialect({ casing });
  let schema: Schema<any> | undefined;
  if (fullSchema !== undefined) {
    const { tables, tableNamesMap } = extractTablesRelationalConfig(fullSchema, createTableRelationsHelpers);
    schema = { fullSchema, schema: tables, tableNamesMap };
  }
  const context = { dialect, schema, logger: logger === true ? new DefaultLogger() : logger || undefined, cache };
  const db = new UbiqliteDatabase<TSchema>(dialect, new UbiqliteSession(client, context), schema);
  const $cache = cache && Object.assign(cache, { invalidate: cache.onMutate.bind(cache) });
  return Object.assign(db, { $client: client }, $cache && { $cache }) as unknown as WithClient<TSchema, C>;
}
