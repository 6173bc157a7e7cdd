import type { Primitive } from 'db0';

import type { Database } from '../api/database.js';
import { needsSession } from '../api/needs-session.js';
import type { RunResult } from '../api/rows.js';
import type { Session } from '../api/session.js';

/** A text with a semicolon in the middle, which has several statements unless that is in a literal. */
const SEVERAL = /;\s*\S/;

/** A text that is nothing but the begin of a transaction, or nothing but its end. */
const BEGIN = /^\s*BEGIN\b[^;]*;?\s*$/i;
const END = /^\s*(COMMIT|END|ROLLBACK)\b(?![^;]*\bTO\b)[^;]*;?\s*$/i;
const ROLLBACK = /^\s*ROLLBACK\b/i;

/** The one connection that a program of db0's believes to have: the database, as long as no statement needs more. */
export class Connection {
  private opened: Promise<Database> | undefined;
  private session: Promise<Session> | undefined;
  /** Whether the session was changed, and so is kept after its transaction. */
  private changed = false;

  constructor(private readonly source: Database | (() => Database | Promise<Database>)) {}

  /** Returns the database. After a failure it is opened again. */
  database(): Promise<Database> {
    return (this.opened ??= this.open().catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    }));
  }

  /** Runs one statement. */
  run(sql: string, params: readonly Primitive[]): Promise<RunResult<unknown>> {
    // db0 allows `undefined`, which is NULL.
    const values = params.map((it) => it ?? null);
    return this.on(sql, (target) => target.run(sql, values));
  }

  /** Runs a statement, or a script: all of it or nothing. */
  async script(sql: string): Promise<{ success: true }> {
    await this.on<unknown>(sql, (target) => (SEVERAL.test(sql) ? target.batch(sql) : target.run(sql)));
    return { success: true };
  }

  async close(): Promise<void> {
    const { opened, session } = this;
    this.opened = this.session = undefined;
    this.changed = false;
    (await session)?.release();
    if (typeof this.source === 'function') await (await opened)?.close();
  }

  private async on<T>(sql: string, run: (target: Database | Session) => Promise<T>): Promise<T> {
    if (BEGIN.test(sql)) await this.acquire();
    if (this.session === undefined) {
      try {
        return await run(await this.database());
      } catch (error) {
        if (!needsSession(error)) throw error;
      }
      this.changed = true;
    }
    const session = await this.acquire();
    let ended = END.test(sql);
    try {
      return await run(session);
    } catch (error) {
      // After a COMMIT that fails the transaction is still there, to be rolled back.
      ended = ROLLBACK.test(sql);
      throw error;
    } finally {
      if (ended && !this.changed) this.leave(session);
    }
  }

  private acquire(): Promise<Session> {
    return (this.session ??= this.database()
      .then((database) => database.acquire())
      .catch((error: unknown) => {
        this.session = undefined;
        throw error;
      }));
  }

  private leave(session: Session): void {
    this.session = undefined;
    session.release();
  }

  private open(): Promise<Database> {
    return Promise.resolve(typeof this.source === 'function' ? this.source() : this.source);
  }
}
