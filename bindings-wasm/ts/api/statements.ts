import type { RemoteHandle } from '../client/remote-handle.js';
import type { EngineClient } from '../client/engine-client.js';
import { indexed, sendMany } from '../client/many.js';
import { type CallOptions, type Checked, merged } from '../client/options.js';
import type { Sql } from '../client/trace.js';
import { invalid } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Executed, Reply } from '../wire/reply.js';
import { type Params, writeParams } from '../wire/values.js';
import type { Writer } from '../wire/writer.js';
import { type ArrayRows, type ObjectRows, type RowArray, type RowOptions, type RunResult, ROWS, checkRows, shapeOf } from './rows.js';
import type { Writes } from './columns.js';
import { RowStream } from './stream.js';
import { Table } from './table.js';

/** A row, unless the caller names another type: values by column name. */
export type Row = Record<string, any>;

/** Where calls go: a client of the engine, and the handle that they are made on, if there is one. @internal */
export class CallTarget {
  constructor(
    readonly client: EngineClient,
    readonly handle: RemoteHandle | undefined,
    readonly defaults: CallOptions = {},
  ) {}

  call<T>(
    op: number,
    write: ((out: Writer) => void) | undefined,
    read: (reply: Reply, before?: T) => T,
    options?: CallOptions,
    sql?: Sql,
    more?: readonly string[],
  ): Promise<T> {
    return this.client.call({ op, on: this.handle, write, read, sql, options: this.options(options, more) });
  }

  /** Requests a handle. */
  openHandle(op: number, write: ((out: Writer) => void) | undefined, options: CallOptions | undefined): Promise<RemoteHandle> {
    return this.client.openHandle({ op, on: this.handle, write, options: this.options(options) });
  }

  /** Returns the options of a call merged over the defaults of this target; `more`: further options that it takes. */
  options(own: CallOptions | undefined, more?: readonly string[]): Checked {
    return merged(this.defaults, own, more);
  }

  /** Returns the target of a handle. */
  within(handle: RemoteHandle, defaults = this.defaults): CallTarget {
    return new CallTarget(this.client, handle, defaults);
  }
}

function text(sql: unknown): asserts sql is string {
  if (typeof sql !== 'string') throw invalid('SQL must be a string');
}

/** Returns what writes a statement with its parameters. @internal */
export function written(sql: string, params: Params | undefined, options?: RowOptions): (out: Writer) => void {
  return (out) => {
    text(sql);
    if (options !== undefined) checkRows(options);
    out.repeated(sql);
    writeParams(out, params);
  };
}

const valueOf = <T>(reply: Reply): T => reply.rows().value() as T;
const executedOf = (reply: Reply): Executed => reply.executed();

/** Something that runs queries: a database, a session, a transaction, a savepoint, a snapshot. */
export class Reader {
  /** @internal */
  readonly target: CallTarget;

  /** @internal */
  constructor(target: CallTarget) {
    this.target = target;
  }

  /**
   * Runs a query and returns all its rows, each as an object keyed by column name.
   *
   * ```ts
   * const items = await db.query<Item>('SELECT * FROM items WHERE status = ?', ['new']);
   * const pairs = await db.query<[number, string]>('SELECT id, name FROM items', [], { rows: 'array' });
   * ```
   * @throws {@link UbiqliteError} those of SQLite by kind; `InvalidArgument` if the parameters do not fit
   */
  query<T = Row>(sql: string, params?: Params, options?: ObjectRows): Promise<T[]>;
  query<T extends readonly unknown[] = RowArray>(sql: string, params: Params | undefined, options: ArrayRows): Promise<T[]>;
  query<T>(sql: string, params?: Params, options?: RowOptions): Promise<T[]> {
    return this.ask(Op.query, sql, params, shapeOf(options).all<T>, options);
  }

  /**
   * Runs one statement of any kind and returns everything about it: the columns with
   * their declared types, the rows, the rows changed and the last rowid. It is meant for
   * query builders, which do not know whether a statement reads.
   *
   * ```ts
   * const { columns, rows, rowsChanged } = await db.run('INSERT INTO items (name) VALUES (?) RETURNING id', ['lamp']);
   * ```
   * @throws {@link UbiqliteError} those of SQLite by kind; `InvalidArgument` if the parameters do not fit; `ReadOnly`
   * for a statement that writes in a snapshot
   */
  run<T = Row>(sql: string, params?: Params, options?: ObjectRows): Promise<RunResult<T>>;
  run<T extends readonly unknown[] = RowArray>(sql: string, params: Params | undefined, options: ArrayRows): Promise<RunResult<T>>;
  run<T>(sql: string, params?: Params, options?: RowOptions): Promise<RunResult<T>> {
    return this.ask(Op.run, sql, params, shapeOf(options).ran<T>, options);
  }

  /**
   * Runs a query and returns its first row.
   * @throws {@link NotFoundError} if there is no row
   */
  queryOne<T = Row>(sql: string, params?: Params, options?: ObjectRows): Promise<T>;
  queryOne<T extends readonly unknown[] = RowArray>(sql: string, params: Params | undefined, options: ArrayRows): Promise<T>;
  queryOne<T>(sql: string, params?: Params, options?: RowOptions): Promise<T> {
    return this.first(Op.queryOne, sql, params, options) as Promise<T>;
  }

  /** Runs a query and returns its first row, or `undefined` if there is none. */
  queryOptional<T = Row>(sql: string, params?: Params, options?: ObjectRows): Promise<T | undefined>;
  queryOptional<T extends readonly unknown[] = RowArray>(
    sql: string,
    params: Params | undefined,
    options: ArrayRows,
  ): Promise<T | undefined>;
  queryOptional<T>(sql: string, params?: Params, options?: RowOptions): Promise<T | undefined> {
    return this.first(Op.queryOptional, sql, params, options);
  }

  /**
   * Runs a query and returns the first value of its first row.
   *
   * ```ts
   * const count = await db.queryValue<number>('SELECT count(*) FROM items');
   * ```
   * @throws {@link NotFoundError} if there is no row
   */
  queryValue<T = any>(sql: string, params?: Params, options?: CallOptions): Promise<T> {
    return this.ask(Op.queryValue, sql, params, valueOf<T>, options);
  }

  /**
   * Streams the rows of a query, with memory for a few pages. Leaving the loop ends
   * the query.
   *
   * ```ts
   * for await (const row of db.stream('SELECT * FROM items')) console.log(row.name);
   * ```
   */
  stream<T = Row>(sql: string, params?: Params, options?: ObjectRows): RowStream<T>;
  stream<T extends readonly unknown[] = RowArray>(sql: string, params: Params | undefined, options: ArrayRows): RowStream<T>;
  stream<T>(sql: string, params?: Params, options?: RowOptions): RowStream<T> {
    return new RowStream<T>(this.target, Op.stream, written(sql, params, options), options, sql);
  }

  private first<T>(op: number, sql: string, params: Params | undefined, options: RowOptions | undefined): Promise<T | undefined> {
    return this.ask(op, sql, params, shapeOf(options).first<T>, options);
  }

  private ask<T>(
    op: number,
    sql: string,
    params: Params | undefined,
    read: (reply: Reply, before?: T) => T,
    options: RowOptions | undefined,
  ): Promise<T> {
    return this.target.call(op, written(sql, params, options), read, options, sql, ROWS);
  }
}

/** A `Reader` that also runs statements that write. */
export class Statements extends Reader {
  /**
   * Runs one statement and returns the rows changed and the last rowid.
   *
   * ```ts
   * const { rowsChanged } = await db.execute('UPDATE items SET status = $status WHERE id = $id', { status: 'done', id: 7 });
   * ```
   * @throws {@link UbiqliteError} the errors of SQLite by kind; `InvalidArgument` if the parameters do not fit, for
   * several statements in one text, and for statements that would change a shared connection (`BEGIN`, `ATTACH`, …)
   */
  execute(sql: string, params?: Params, options?: CallOptions): Promise<Executed> {
    return this.target.call(Op.execute, written(sql, params), executedOf, options, sql);
  }

  /**
   * Runs one statement for each item of an iterable, all or none. Returns the rows changed.
   * The iterable may be asynchronous, and as long as it likes: memory use stays constant.
   *
   * ```ts
   * await db.executeMany('INSERT INTO items (id, name) VALUES (?, ?)', [[1, 'lamp'], [2, 'chair']]);
   * ```
   * @throws {@link UbiqliteError} whose `index` is that of the item
   */
  async executeMany(
    sql: string,
    rows: Iterable<Params> | AsyncIterable<Params>,
    options?: CallOptions,
  ): Promise<number> {
    text(sql);
    const { client, handle: on, defaults } = this.target;
    const head = (out: Writer): void => out.text(sql);
    return sendMany(client, { op: Op.executeMany, sql, on, options: merged(defaults, options), head, row: writeParams, rows });
  }

  /**
   * Runs a script, or a list of statements with their parameters: all or none.
   *
   * ```ts
   * await db.batch('CREATE TABLE a (x); CREATE TABLE b (y);');
   * await db.batch([['INSERT INTO a VALUES (?)', [1]], 'DELETE FROM b']);
   * ```
   * @throws {@link UbiqliteError} whose `index` is that of the statement
   */
  batch(
    statements: string | readonly (string | readonly [sql: string, params?: Params])[],
    options?: CallOptions,
  ): Promise<Executed[]> {
    const write = (out: Writer): void => {
      if (typeof statements === 'string') {
        out.u8(0);
        out.text(statements);
        return;
      }
      if (!Array.isArray(statements)) throw invalid('a batch must be a script or a list of statements');
      out.u8(1);
      out.u32(statements.length);
      statements.forEach((item: string | readonly [sql: string, params?: Params], index) => {
        const [sql, params] = typeof item === 'string' ? ([item] as const) : item;
        indexed(index, () => written(sql, params)(out));
      });
    };
    const at = (index: number): unknown => [statements[index]].flat()[0];
    const read = (reply: Reply): Executed[] => reply.executedList();
    return this.target.call(Op.batch, write, read, options, typeof statements === 'string' ? statements : at);
  }

  /** Returns a table, for operations on its rows without SQL. */
  table<T extends object = Row, W extends object = Writes<T>>(name: string): Table<T, W> {
    return new Table<T, W>(this.target, name);
  }
}
