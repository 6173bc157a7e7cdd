import { type Logger, type Query, entityKind } from 'drizzle-orm';
import type { BatchItem } from 'drizzle-orm/batch';
import type { Cache } from 'drizzle-orm/cache/core';
import type { WithCacheConfig } from 'drizzle-orm/cache/core/types';
import type { RelationalSchemaConfig, TablesRelationalConfig } from 'drizzle-orm/relations';
import {
  type PreparedQueryConfig,
  type SQLiteAsyncDialect,
  type SQLiteExecuteMethod,
  SQLiteSession,
  SQLiteTransaction,
  type SQLiteTransactionConfig,
} from 'drizzle-orm/sqlite-core';

import type { Database } from '../api/database.js';
import type { Session } from '../api/session.js';
import type { Savepoint, Transaction } from '../api/transaction.js';
import type { Executed } from '../wire/reply.js';
import { type CustomMapper, type Fields, PreparedQuery } from './prepared-query.js';

/** Where the queries of a session run. */
export type Target = Database | Session | Transaction | Savepoint;

export type Schema<TSchema extends TablesRelationalConfig> = RelationalSchemaConfig<TSchema>;

/** What a database, its transactions and their savepoints have in common. */
export interface Context<TSchema extends TablesRelationalConfig> {
  dialect: SQLiteAsyncDialect;
  schema: Schema<TSchema> | undefined;
  logger: Logger | undefined;
  cache: Cache | undefined;
}

type Metadata = { type: 'select' | 'update' | 'delete' | 'insert'; tables: string[] };

/** Drizzle's session: it runs queries on a database, or on a transaction or savepoint of one. */
export class UbiqliteSession<TFull extends Record<string, unknown>, TSchema extends TablesRelationalConfig> extends SQLiteSession<
  'async',
  Executed,
  TFull,
  TSchema
> {
  static override readonly [entityKind]: string = 'UbiqliteSession';

  constructor(
    private readonly target: Target,
    private readonly context: Context<TSchema>,
    private readonly depth = 0,
  ) {
    super(context.dialect);
  }

  prepareQuery(
    query: Query,
    fields: Fields,
    method: SQLiteExecuteMethod,
    _asLists: boolean,
    custom?: CustomMapper,
    metadata?: Metadata,
    caching?: WithCacheConfig,
  ): PreparedQuery<PreparedQueryConfig & { type: 'async' }> {
    const { logger, cache } = this.context;
    return new PreparedQuery(this.target, query, logger, { fields, custom }, method, cache, metadata, caching);
  }

  transaction<T>(
    body: (transaction: UbiqliteTransaction<TFull, TSchema>) => T | Promise<T>,
    config?: SQLiteTransactionConfig,
  ): Promise<T> {
    const within = (handle: Transaction | Savepoint): T | Promise<T> => {
      const { context, depth } = this;
      return body(new UbiqliteTransaction(context, new UbiqliteSession(handle, context, depth + 1), depth));
    };
    const { target } = this;
    // What is nested is a savepoint, and as deep in its transaction as its handle says.
    return 'savepoint' in target ? target.savepoint(within) : target.transaction(within, { mode: config?.behavior });
  }

  /** Runs queries in a transaction. They are all sent before the first is answered. */
  batch(queries: readonly BatchItem<'sqlite'>[]): Promise<unknown[]> {
    const within = async (handle: Transaction | Savepoint): Promise<unknown[]> => {
      const session = new UbiqliteSession<TFull, TSchema>(handle, this.context);
      // Building one may throw, and what ran by then would be rejected with nobody to handle it: so none has begun yet.
      const built = queries.map((query) => session.built(query));
      return Promise.all(built.map((run) => run()));
    };
    const { target } = this;
    return 'savepoint' in target ? target.savepoint(within) : target.transaction(within);
  }

  /** Builds a query that was made for another session, and returns what runs it. @throws if a value can't be encoded */
  private built(query: BatchItem<'sqlite'>): () => Promise<unknown> {
    const prepared = (query as unknown as { _prepare(): unknown })._prepare();
    if (prepared instanceof PreparedQuery) {
      const ours = prepared.on(this.target);
      return async () => ours.execute();
    }
    // `db.run(sql`…`)` and the like, which prepare nothing.
    const { method, ...raw } = (prepared as { getQuery(): Query & { method: 'run' | 'all' | 'get' | 'values' } }).getQuery();
    const ours = this.prepareQuery(raw, undefined, 'all', false);
    return async () => ours[method]();
  }
}

/** A transaction of Drizzle's, or what is nested in one: a savepoint. */
export class UbiqliteTransaction<TFull extends Record<string, unknown>, TSchema extends TablesRelationalConfig> extends SQLiteTransaction<
  'async',
  Executed,
  TFull,
  TSchema
> {
  static override readonly [entityKind]: string = 'UbiqliteTransaction';

  /** @internal */
  constructor(
    context: Context<TSchema>,
    private readonly ours: UbiqliteSession<TFull, TSchema>,
    depth: number,
  ) {
    super('async', context.dialect, ours, context.schema, depth);
  }

  /** Runs `body` in a savepoint: if it throws, its changes are undone, and nothing else. */
  override transaction<T>(body: (transaction: UbiqliteTransaction<TFull, TSchema>) => T | Promise<T>): Promise<T> {
    return this.ours.transaction(body);
  }
}
