import { type UbiqliteError, errorOf } from '../errors.js';
import type { Held } from '../link/held.js';
import type { CallOptions } from '../link/options.js';
import { Scope } from '../link/scope.js';
import type { Writes } from './columns.js';
import { type Place, Reader, type Row, Statements } from './statements.js';
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
  place: Place,
  body: (transaction: Transaction) => T | PromiseLike<T>,
  options: TransactionOptions,
): Promise<T> {
  const { mode = 'immediate', ...call } = options ?? {};
  checkBody(body);
  const scope = new Scope(place.options(call), 'the transaction');
  return within(await begin(place, { mode, ...scope.rest() }), (it, rest) => it.commit(rest), body, scope);
}

/**
 * A private connection, from `db.acquire()`. Only here may statements change the
 * connection itself: `ATTACH`, temporary tables, `PRAGMA`s, a bare `BEGIN`. It is given
 * back by `release()` or at the end of its scope; whatever is open in it is rolled back.
 */
export class Session extends Statements implements AsyncDisposable {
  /** Runs `body` in a transaction of this session: see `db.transaction()`. */
  transaction<T>(body: (transaction: Transaction) => T | PromiseLike<T>, options: TransactionOptions = {}): Promise<T> {
    return transact(this.place, body, options);
  }

  /** Begins a transaction in this session. */
  begin(options: TransactionOptions = {}): Promise<Transaction> {
    return begin(this.place, options);
  }

  /** Stops all calls of this session that are in progress. They reject with a CancelledError. */
  interrupt(): void {
    this.place.link.interrupt(this.place.on);
  }

  /** Gives the connection back. */
  release(): void {
    this.place.link.drop(this.place.on as Held, sessionOver);
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
    return new Table<T, W>(this.place, name);
  }

  /** Releases the snapshot. */
  close(): void {
    this.place.link.drop(this.place.on as Held, snapshotOver);
  }

  /** Releases the snapshot. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

function sessionOver(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the session was given back' });
}

function snapshotOver(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the snapshot is closed' });
}
