import type { DatabaseConnection, Driver, TransactionSettings } from 'kysely';

import type { Database } from '../api/database.js';
import { Connection } from './connection.js';

/** The configuration of a {@link UbiqliteDialect}. */
export interface UbiqliteDialectConfig {
  /**
   * The database, or a function that opens it, which is called at the first query. `destroy()` of Kysely closes it. If
   * others use it too, close it yourself instead, when all are done.
   */
  database: Database | (() => Database | Promise<Database>);
}

/** Hands out connections: each a few fields, since the database has the real ones. */
export class UbiqliteDriver implements Driver {
  private database: Database | undefined;

  constructor(private readonly config: UbiqliteDialectConfig) {}

  async init(): Promise<void> {
    const { database } = this.config;
    this.database = typeof database === 'function' ? await database() : database;
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(new Connection(this.database as Database));
  }

  beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return own(connection).begin(settings.accessMode === 'read only');
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return own(connection).commit();
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return own(connection).rollback();
  }

  savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    return own(connection).savepoint(name);
  }

  rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    return own(connection).rollbackTo(name);
  }

  releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    return own(connection).releaseTo(name);
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    own(connection).release();
  }

  async destroy(): Promise<void> {
    await this.database?.close();
  }
}

/** Kysely gives back the connections that it got here. */
function own(connection: DatabaseConnection): Connection {
  return connection as Connection;
}
