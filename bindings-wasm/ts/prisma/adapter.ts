import { type ConnectionInfo, DriverAdapterError, type IsolationLevel, type SqlDriverAdapter, type Transaction } from '@prisma/driver-adapter-utils';

import type { Database } from '../api/database.js';
import type { Storing } from './arguments.js';
import { rejected } from './errors.js';
import { Queryable } from './queryable.js';
import { InteractiveTransaction } from './transaction.js';

/** What Prisma takes for a connection: the database, whose reads run next to each other and to a transaction. */
export class Adapter extends Queryable implements SqlDriverAdapter {
  /** @param owned whether the database is closed with the connection */
  constructor(
    private readonly database: Database,
    storing: Storing,
    private readonly owned: boolean,
  ) {
    super(storing);
  }

  /** Runs a migration. */
  async executeScript(script: string): Promise<void> {
    await this.database.batch(script).catch(rejected);
  }

  /** Begins a transaction with the write lock, so that nothing in it can fail as busy. */
  async startTransaction(level?: IsolationLevel): Promise<Transaction> {
    if (level !== undefined && level !== 'SERIALIZABLE') throw new DriverAdapterError({ kind: 'InvalidIsolationLevel', level });
    return new InteractiveTransaction(await this.database.begin().catch(rejected), this.storing);
  }

  getConnectionInfo(): ConnectionInfo {
    // SQLite's limit on parameters, as it is built here.
    return { maxBindValues: 32_766, supportsRelationJoins: false };
  }

  async dispose(): Promise<void> {
    if (this.owned) await this.database.close();
  }

  protected override ask<T>(query: (target: Database) => Promise<T>): Promise<T> {
    return query(this.database);
  }
}
