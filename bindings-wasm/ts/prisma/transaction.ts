import { DriverAdapterError, type Transaction as PrismaTransaction } from '@prisma/driver-adapter-utils';

import { NamedSavepoints } from '../adapters/named-savepoints.js';
import type { Savepoint, Transaction } from '../api/transaction.js';
import type { Storing } from './arguments.js';
import { rejected } from './errors.js';
import { Queryable } from './queryable.js';

/** A transaction of Prisma's. Prisma nests by savepoints. */
export class InteractiveTransaction extends Queryable implements PrismaTransaction {
  /** Prisma leaves the `COMMIT` and the `ROLLBACK` to the methods, and logs them so. */
  readonly options = { usePhantomQuery: true };
  private readonly savepoints = new NamedSavepoints();
  /**
   * The savepoint that begins or ends. A query waits for those that were asked for before it, and is asked right then, of
   * the handle that is in use: before the next one begins or ends.
   */
  private nesting: Promise<void> = Promise.resolve();
  private rolledBack = false;

  constructor(
    private readonly transaction: Transaction,
    storing: Storing,
  ) {
    super(storing);
  }

  async commit(): Promise<void> {
    await this.nesting;
    await this.savepoints.releaseAll().catch(rejected);
    await this.transaction.commit().catch(rejected);
  }

  /** Rolls back, and stops what runs in it, unless it has ended: a transaction whose commit failed has. */
  async rollback(): Promise<void> {
    this.rolledBack = true;
    this.transaction.interrupt();
    await this.transaction[Symbol.asyncDispose]().catch(rejected);
  }

  createSavepoint(name: string): Promise<void> {
    return this.nest(() => this.savepoints.begin(this.transaction, name));
  }

  rollbackToSavepoint(name: string): Promise<void> {
    return this.nest(() => this.savepoints.rollbackTo(this.transaction, name));
  }

  releaseSavepoint(name: string): Promise<void> {
    return this.nest(() => this.savepoints.releaseTo(name));
  }

  protected override ask<T>(query: (target: Transaction | Savepoint) => Promise<T>): Promise<T> {
    return this.nesting.then(() => query(this.savepoints.innermost ?? this.transaction)).catch((error: unknown) => this.ended(error));
  }

  /** Throws why a query or a savepoint failed: not that it was stopped or came too late, but that the transaction was rolled back. */
  private ended(error: unknown): never {
    const { kind } = error as { kind?: string };
    if (!this.rolledBack || (kind !== 'Cancelled' && kind !== 'Closed')) throw error;
    throw new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: 'the transaction was rolled back' });
  }

  private nest(step: () => Promise<void>): Promise<void> {
    const done = this.nesting.then(step);
    this.nesting = done.catch(() => {});
    return done.catch((error: unknown) => this.ended(error)).catch(rejected);
  }
}
