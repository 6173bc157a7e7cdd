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

  /** Returns what the next query runs on. */
  protected abstract target(): Promise<Statements>;

  private async run(query: SqlQuery): Promise<RunResult<unknown[]>> {
    const target = await this.target();
    return target.run<unknown[]>(query.sql, params(query, this.storing), { rows: 'array' }).catch(rejected);
  }
}
