import { type UbiqliteError, errorOf } from '../errors.js';
import type { RemoteHandle } from '../client/remote-handle.js';
import type { CallOptions } from '../client/options.js';
import { Scope } from '../client/scope.js';
import type { Writes } from './columns.js';
import { type CallTarget, Reader, type Row, Statements } from './statements.js';
import { Table } from './table.js';
import { type Mode, Transaction, begin, checkBody, within } from './transaction.js';

/**
 * How a transaction runs. For `transaction()`, the signal and the time limit cover the whole: the begin, the body and
 * the commit. A commit that has begun is waited for, and its outcome is reported.
 */
export interface TransactionOptions extends CallOptions {
  /** How it begins. Default: `'immediate'`, so that nothing later in it can fail as busy. */
  mode?: Mode;
}

/** @internal */
export async function transact<T>(
  target: CallTarget,
  body: (transaction: Transaction) => T | PromiseLike<T>,
  options: TransactionOptions,
): Promise<T> {
  const { mode = 'immediate', ...call } = options ?? {};
  checkBody(body);
  const scope = new Scope(target.options(call), 'the transaction');
  return within(await begin(target, { mode, ...scope.rest() }), (it, rest) => it.commit(rest), body, scope);
}

/**
 * A private connection, from `db.acquire()`. Only here may statements change the
 * connection itself: `ATTACH`, temporary tables, `PRAGMA`s, a bare `BEGIN`. It is given
 * back by `release()` or at the end of its scope; whatever is open in it is rolled back.
 */
export class Session extends Statements implements AsyncDisposable {
  /** Runs `body` in a transaction of this session: see `db.transaction()`. */
  transaction<T>(body: (transaction: Transaction) => T | PromiseLike<T>, options: TransactionOptions = {}): Promise<T> {
    return transact(this.target, body, options);
  }

  /** Begins a transaction in this session. */
  begin(options: TransactionOptions = {}): Promise<Transaction> {
    return begin(this.target, options);
  }

  /** Stops all calls of this session that are in progress. They reject with a CancelledError. */
  interrupt(): void {
    this.target.client.interrupt(this.target.handle);
  }

  /** Gives the connection back. */
  release(): void {
    this.target.client.drop(this.target.handle as RemoteHandle, sessionOver);
  }

  /** Gives the connection back. */
  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    return Promise.resolve();
  }
}

/**
 * One moment of the database, from `db.snapshot()`. Everything read through it is of that
 * moment, whatever others commit in the meantime. A write fails with `ReadOnly`.
 */
export class Snapshot extends Reader implements AsyncDisposable {
  /** Returns a table, for reading its rows without SQL. */
  table<T extends object = Row, W extends object = Writes<T>>(name: string): Table<T, W> {
    return new Table<T, W>(this.target, name);
  }

  /** Releases the snapshot. */
  close(): void {
    this.target.client.drop(this.target.handle as RemoteHandle, snapshotOver);
  }

  /** Releases the snapshot. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

function sessionOver(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the session is closed' });
}

function snapshotOver(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the snapshot is closed' });
}
