/**
 * A connector for db0: `createDatabase(ubiqlite({ database }))`, from `ubiqlite/db0`.
 *
 * @module
 */

import type { Connector, PreparedStatement, Primitive, Statement } from 'db0';

import type { Database } from '../api/database.js';
import type { RunResult } from '../api/rows.js';
import { Connection } from './connection.js';

/** The configuration of the connector. */
export interface UbiqliteConnectorOptions {
  /**
   * The database, or a function that opens it, which is called at the first use. `dispose()` closes what such a function
   * has opened, and leaves a database as it is.
   */
  database: Database | (() => Database | Promise<Database>);
}

/** What a statement that changes something has done. */
export interface Done {
  /** That it was done; if not, there is an error instead. */
  success: true;
  /** How many rows it has inserted, updated or deleted. */
  changes: number;
  /** The rowid of the last row that was inserted. */
  lastInsertRowid: number | bigint;
}

/**
 * Returns a connector for db0.
 *
 * ```ts
 * import { createDatabase } from 'db0';
 * import { open } from 'ubiqlite';
 * import ubiqlite from 'ubiqlite/db0';
 *
 * const db = createDatabase(ubiqlite({ database: () => open('app.db') }));
 * const { rows } = await db.sql`SELECT * FROM users WHERE id = ${7}`;
 * ```
 * Statements run on the database, concurrently, until one comes that needs a connection: `BEGIN` takes one until its
 * `COMMIT` or `ROLLBACK`, and a `PRAGMA`, `ATTACH` or temporary table until `dispose()`, in a script too. Then all statements
 * run on that one, as db0 knows it of other connectors. If its engine is lost, one statement fails with `Cancelled`, or all
 * until the `COMMIT` or `ROLLBACK` of a transaction that was open: what was set on it is gone.
 */
export default function ubiqlite(options: UbiqliteConnectorOptions): Connector<Database> {
  const connection = new Connection(options.database);
  return {
    name: 'ubiqlite',
    dialect: 'sqlite',
    getInstance: () => connection.database(),
    exec: (sql) => connection.script(sql),
    prepare: (sql) => new Prepared(connection.statement(sql)),
    dispose: () => connection.close(),
  };
}

type Run = (params: readonly Primitive[]) => Promise<RunResult<unknown>>;

/** A statement by its SQL. SQLite's own stays prepared in the engine, whose cache has it by its SQL. */
class Prepared implements Statement {
  constructor(private readonly ask: Run) {}

  bind(...params: Primitive[]): PreparedStatement {
    const all = (): Promise<unknown[]> => this.all(...params);
    return { bind: (...others) => this.bind(...others), all, run: () => this.run(...params), get: () => this.get(...params) };
  }

  async all(...params: Primitive[]): Promise<unknown[]> {
    return (await this.ask(params)).rows;
  }

  async run(...params: Primitive[]): Promise<Done> {
    const { rowsChanged, lastRowId } = await this.ask(params);
    return { success: true, changes: rowsChanged, lastInsertRowid: lastRowId };
  }

  async get(...params: Primitive[]): Promise<unknown> {
    return (await this.all(...params))[0];
  }
}
