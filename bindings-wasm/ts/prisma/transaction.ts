import type { Transaction as PrismaTransaction } from '@prisma/driver-adapter-utils';

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
  /** The savepoint that begins or ends. Queries wait for it, so that they are asked of the handle that is then in use. */
  private nesting: Promise<void> = Promise.resolve();

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

  /** Rolls back, unless it has ended: a transaction whose commit failed has. */
  async rollback(): Promise<void> {
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

  protected override async target(): Promise<Transaction | Savepoint> {
    await this.nesting;
    return this.savepoints.innermost ?? this.transaction;
  }

  private nest(step: () => Promise<void>): Promise<void> {
    const done = this.nesting.then(step);
    this.nesting = done.catch(() => {});
    return done.catch(rejected);
  }
}
