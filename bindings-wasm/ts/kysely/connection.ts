import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';

import { NamedSavepoints } from '../adapters/named-savepoints.js';
import type { Database } from '../api/database.js';
import { needsSession } from '../api/needs-session.js';
import type { RunResult } from '../api/rows.js';
import type { Session, Snapshot } from '../api/session.js';
import type { Savepoint, Transaction } from '../api/transaction.js';
import type { CallOptions } from '../client/options.js';
import type { Params } from '../wire/values.js';

/** What Kysely passes where it may abort. Older versions have no type for it. */
interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/**
 * What Kysely takes for a connection. Its statements run on the database, which has connections of its own, until a
 * transaction begins, or a statement comes that changes a connection: then one is acquired, until Kysely gives this back.
 */
export class Connection implements DatabaseConnection {
  private session: Session | undefined;
  private transaction: Transaction | Snapshot | undefined;
  private readonly savepoints = new NamedSavepoints();
  /** How many statements were run, and why the first of them needed the session, if it did. */
  private statements = 0;
  private changed: unknown;
  private running: AbortController | undefined;
  /** Whether the session refuses writes, until its transaction ends. */
  private queryOnly = false;

  constructor(private readonly database: Database) {}

  async executeQuery<R>({ sql, parameters }: CompiledQuery, options?: Abortable): Promise<QueryResult<R>> {
    this.statements += 1;
    // Kysely always passes a signal with `inflightQueryAbortStrategy`, and alone it does not mean that the query is to stop.
    const running = options?.signal === undefined ? undefined : (this.running = new AbortController());
    try {
      return resultOf(await this.run<R>(sql, parameters as Params, running && { signal: running.signal }));
    } catch (error) {
      // Nobody waits any longer, and Kysely would print the error.
      if (running?.signal.aborted === true) return { rows: [] };
      throw error;
    } finally {
      this.running = undefined;
    }
  }

  async *streamQuery<R>({ sql, parameters }: CompiledQuery, chunkSize: number, options?: Abortable): AsyncIterableIterator<QueryResult<R>> {
    this.statements += 1;
    const size = Math.max(1, Math.floor(chunkSize) || 1);
    let rows: R[] = [];
    try {
      for await (const row of this.innermost.stream<R>(sql, parameters as Params, { signal: options?.signal })) {
        rows.push(row);
        if (rows.length < size) continue;
        yield { rows };
        rows = [];
      }
    } catch (error) {
      // Kysely has thrown the signal's reason already.
      if (options?.signal?.aborted === true) return;
      throw error;
    }
    if (rows.length > 0) yield { rows };
  }

  /** For `inflightQueryAbortStrategy: 'cancel query'`. */
  cancelQuery(): Promise<void> {
    this.running?.abort();
    return Promise.resolve();
  }

  async begin(readOnly: boolean): Promise<void> {
    const { session, database } = this;
    if (session === undefined) {
      this.transaction = await (readOnly ? database.snapshot() : database.begin());
      return;
    }
    if (readOnly) await session.run('PRAGMA query_only = 1');
    this.queryOnly = readOnly;
    this.transaction = await session.begin({ mode: readOnly ? 'deferred' : 'immediate' });
  }

  async commit(): Promise<void> {
    await this.savepoints.releaseAll();
    if (this.transaction !== undefined && 'commit' in this.transaction) await this.transaction.commit();
    await this.rollback();
  }

  /** Rolls back what has not ended: a transaction whose commit failed has. */
  async rollback(): Promise<void> {
    await this.transaction?.[Symbol.asyncDispose]();
    this.savepoints.clear();
    this.transaction = undefined;
    if (this.queryOnly) await this.session?.run('PRAGMA query_only = 0');
    this.queryOnly = false;
  }

  savepoint(name: string): Promise<void> {
    return this.savepoints.begin(this.begun, name);
  }

  /** Undoes what was done since the savepoint, which stays, as in SQL. */
  async rollbackTo(name: string): Promise<void> {
    await this.savepoints.rollbackTo(this.begun, name);
  }

  /** Ends the savepoint and those inside of it, and keeps what they did. */
  async releaseTo(name: string): Promise<void> {
    await this.savepoints.releaseTo(name);
  }

  /** @throws why the connection can't have been what was meant, if all that it did was to be changed */
  release(): void {
    this.session?.release();
    if (this.changed !== undefined && this.statements === 1) throw this.changed;
  }

  private async run<R>(sql: string, params: Params, options: CallOptions | undefined): Promise<RunResult<R>> {
    const { innermost } = this;
    try {
      return await innermost.run<R>(sql, params, options);
    } catch (error) {
      if (innermost !== this.database || !needsSession(error)) throw error;
      this.changed = this.statements === 1 ? error : undefined;
    }
    this.session = await this.database.acquire(options);
    return this.session.run<R>(sql, params, options);
  }

  private get innermost(): Database | Session | Transaction | Snapshot | Savepoint {
    return this.savepoints.innermost ?? this.transaction ?? this.session ?? this.database;
  }

  /** Kysely has savepoints in transactions only. */
  private get begun(): Transaction | Snapshot {
    return this.transaction as Transaction | Snapshot;
  }
}

function resultOf<R>({ rows, columns, rowsChanged, lastRowId }: RunResult<R>): QueryResult<R> {
  return {
    rows,
    numAffectedRows: columns.length === 0 || rowsChanged > 0 ? BigInt(rowsChanged) : undefined,
    insertId: lastRowId === 0 ? undefined : BigInt(lastRowId),
  };
}
