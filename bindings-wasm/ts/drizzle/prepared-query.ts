import { DrizzleQueryError, type Logger, type Query, entityKind, fillPlaceholders } from 'drizzle-orm';
import { type Cache, NoopCache } from 'drizzle-orm/cache/core';
import type { WithCacheConfig } from 'drizzle-orm/cache/core/types';
import { type PreparedQueryConfig, type SelectedFieldsOrdered, type SQLiteExecuteMethod, SQLitePreparedQuery } from 'drizzle-orm/sqlite-core';

import type { Params } from '../wire/values.js';
import { type NotNullable, rowMapper } from './row-mapper.js';
import type { Target } from './session.js';

export type Fields = SelectedFieldsOrdered | undefined;

/** Makes objects of the rows of a relational query. */
export type CustomMapper = (rows: unknown[][], mapColumnValue?: (value: unknown) => unknown) => unknown;

/** How a query's rows become what its caller gets: neither for raw SQL. */
export interface Mapping {
  fields: Fields;
  custom: CustomMapper | undefined;
}

const LISTS = { rows: 'array' } as const;

/** Drizzle's class wants one. */
const NONE = new NoopCache();

/** A query with the SQL that it became. SQLite's statement stays prepared in the engine, whose cache has it by its SQL. */
export class PreparedQuery<T extends PreparedQueryConfig & { type: 'async' } = PreparedQueryConfig & { type: 'async' }> extends SQLitePreparedQuery<T> {
  static override readonly [entityKind]: string = 'UbiqlitePreparedQuery';

  /** Set by Drizzle: which tables of a join have a row in every row of the result. */
  declare private joinsNotNullableMap: NotNullable;

  constructor(
    private target: Target,
    query: Query,
    private readonly logger: Logger | undefined,
    private readonly mapping: Mapping,
    method: SQLiteExecuteMethod,
    private readonly used: Cache | undefined,
    metadata: { type: 'select' | 'update' | 'delete' | 'insert'; tables: string[] } | undefined,
    caching: WithCacheConfig | undefined,
  ) {
    super('async', method, query, used ?? NONE, metadata, caching);
  }

  /** Lets this query, which nobody has run yet, run elsewhere. */
  on(target: Target): this {
    this.target = target;
    return this;
  }

  run(values?: Record<string, unknown>): Promise<T['run']> {
    return this.ask(values, (sql, params) => this.target.execute(sql, params));
  }

  async all(values?: Record<string, unknown>): Promise<T['all']> {
    const { fields, custom } = this.mapping;
    if (fields === undefined && custom === undefined) return this.ask(values, (sql, params) => this.target.query(sql, params));
    const rows = await this.values(values) as unknown[][];
    if (custom !== undefined) return custom(rows);
    return rows.map(this.mapper);
  }

  async get(values?: Record<string, unknown>): Promise<T['get']> {
    const { fields, custom } = this.mapping;
    if (fields === undefined && custom === undefined) return this.ask(values, (sql, params) => this.target.queryOptional(sql, params));
    const row = await this.ask(values, (sql, params) => this.target.queryOptional(sql, params, LISTS));
    if (row === undefined) return undefined;
    if (custom !== undefined) return custom([row]);
    return this.mapper(row);
  }

  values(values?: Record<string, unknown>): Promise<T['values']> {
    return this.ask(values, (sql, params) => this.target.query(sql, params, LISTS));
  }

  private get mapper(): (row: unknown[]) => unknown {
    return rowMapper(this.mapping.fields as SelectedFieldsOrdered, this.joinsNotNullableMap);
  }

  private async ask<R>(values: Record<string, unknown> | undefined, run: (sql: string, params: Params) => Promise<R>): Promise<R> {
    const { sql, params } = this.query;
    const filled = fillPlaceholders(params, values ?? {});
    this.logger?.logQuery(sql, filled);
    if (this.used !== undefined) return this.caching.queryWithCache(sql, filled, () => run(sql, filled as Params));
    try {
      return await run(sql, filled as Params);
    } catch (error) {
      throw new DrizzleQueryError(sql, filled, error as Error);
    }
  }

  /** What Drizzle's class has and does not declare. */
  private get caching(): { queryWithCache<R>(sql: string, params: unknown[], query: () => Promise<R>): Promise<R> } {
    return this as never;
  }
}
