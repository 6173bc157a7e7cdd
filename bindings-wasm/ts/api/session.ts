import { type UbiqliteError, errorOf } from '../errors.js';
import type { Held } from '../link/held.js';
import type { CallOptions } from '../link/options.js';
import { Scope } from '../link/scope.js';
import type { Writes } from './columns.js';
import { type Place, Reader, type Row, Statements } from './statements.js';
import { Table } from './table.js';
import { type Mode, Transaction, begin, checkBody, within } from './transaction.js';

/**
 * How a transaction is run. Of `transaction()` the signal and the time limit are of the whole: of the beginning, the
 * body and the commit. Once the commit has begun it is waited for, and tells what became of it.
 */
export interface TransactionOptions extends CallOptions {
  /** How it begins. Default: `'immediate'`, so that nothing later in it can be refused as busy. */
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
 * A connection of one's own, from `db.acquire()`. Only here may statements change
 * the connection itself: `ATTACH`, temporary tables, `PRAGMA`s, a bare `BEGIN`. It
 * goes back by `release()` or at the end of its scope, and what is open in it is
 * rolled back.
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

  /** Stops this session's calls that are under way: they reject with a CancelledError. */
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
 * One moment of the database, from `db.snapshot()`: all that is read through it is
 * of that moment, whatever others commit meanwhile. A write returns `ReadOnly`.
 */
export class Snapshot extends Reader implements AsyncDisposable {
  /** A table, to read its rows without SQL. */
  table<T extends object = Row, W extends object = Writes<T>>(name: string): Table<T, W> {
    return new Table<T, W>(this.place, name);
  }

  /** Lets the moment go. */
  close(): void {
    this.place.link.drop(this.place.on as Held, snapshotOver);
  }

  /** Lets the moment go. */
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
