import type { SqlQuery, SqlQueryable, SqlResultSet } from '@prisma/driver-adapter-utils';

import type { RunResult } from '../api/rows.js';
import type { Statements } from '../api/statements.js';
import { type Storing, params } from './arguments.js';
import { rejected } from './errors.js';
import { resultSet } from './results.js';

/** What Prisma calls the adapter in its messages. */
export const ADAPTER = 'ubiqlite/prisma';

/** Runs Prisma's queries. */
export abstract class Queryable implements SqlQueryable {
  readonly provider = 'sqlite';
  readonly adapterName: string = ADAPTER;

  constructor(protected readonly storing: Storing) {}

  async queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    return resultSet(await this.run(query));
  }

  async executeRaw(query: SqlQuery): Promise<number> {
    return (await this.run(query)).rowsChanged;
  }

  /** Asks a query of what queries run on now. Those asked first run first. */
  protected abstract ask<T>(query: (target: Statements) => Promise<T>): Promise<T>;

  private async run(query: SqlQuery): Promise<RunResult<unknown[]>> {
    const values = params(query, this.storing);
    return this.ask((target) => target.run<unknown[]>(query.sql, values, { rows: 'array' })).catch(rejected);
  }
}
