import type { SQLiteDriver } from '@tanstack/db-sqlite-persistence-core';

import type { Database } from '../api/database.js';
import type { Savepoint, Transaction } from '../api/transaction.js';
import type { Params } from '../wire/values.js';

type Values = readonly unknown[];
type Body<T> = (driver: SQLiteDriver) => Promise<T>;

/**
 * Runs the SQL of TanStack DB's persistence on a database, or on a transaction or savepoint of one. A transaction begins
 * with the write lock; one within another is a savepoint, and calls on the outer driver are refused until it ends.
 */
export class UbiqliteDriver implements SQLiteDriver {
  /** @param target where the statements run */
  constructor(private readonly target: Database | Transaction | Savepoint) {}

  /** Runs a script: all or none. */
  async exec(sql: string): Promise<void> {
    await this.target.batch(sql);
  }

  /** Returns the rows of a query. An INTEGER is a number where a number can hold it. */
  async query<T>(sql: string, params?: Values): Promise<T[]> {
    const rows = await this.target.query<Record<string, unknown>>(sql, params as Params);
    // A database that was opened with `bigint` has no other integers, and versions are compared with numbers.
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) row[name] = Number(value);
      }
    }
    return rows as T[];
  }

  /** Runs a statement, whose rows are not returned. */
  async run(sql: string, params?: Values): Promise<void> {
    await this.target.run(sql, params as Params);
  }

  /** Runs `body` in a transaction, which is committed if it resolves and rolled back if it rejects. */
  transaction<T>(body: Body<T>): Promise<T> {
    const { target } = this;
    const within = (handle: Transaction | Savepoint): Promise<T> => body(new UbiqliteDriver(handle));
    return 'savepoint' in target ? target.savepoint(within) : target.transaction(within);
  }

  /** The same, by the name under which the persistence looks for it first. */
  transactionWithDriver<T>(body: Body<T>): Promise<T> {
    return this.transaction(body);
  }
}

/** A driver for work that is one transaction from its beginning: it runs everything on that one, which changes. */
export class RoutedDriver implements SQLiteDriver {
  private target: SQLiteDriver | undefined;

  /** Runs `body`, whose statements go to the transaction. */
  async through<T>(transaction: Transaction, body: () => Promise<T>): Promise<T> {
    this.target = new UbiqliteDriver(transaction);
    try {
      return await body();
    } finally {
      this.target = undefined;
    }
  }

  async exec(sql: string): Promise<void> {
    await this.current.exec(sql);
  }

  async query<T>(sql: string, params?: Values): Promise<readonly T[]> {
    return this.current.query<T>(sql, params);
  }

  async run(sql: string, params?: Values): Promise<void> {
    await this.current.run(sql, params);
  }

  /** Whoever fails in it makes all of it fail, so no savepoint is needed. */
  async transaction<T>(body: Body<T>): Promise<T> {
    return body(this.current);
  }

  private get current(): SQLiteDriver {
    if (this.target === undefined) throw new Error('the transaction has ended');
    return this.target;
  }
}
