import type { Primitive } from 'db0';

import type { Database } from '../api/database.js';
import { needsSession } from '../api/needs-session.js';
import type { RunResult } from '../api/rows.js';
import type { Session } from '../api/session.js';
import { type Effects, effectsOf } from './effects.js';
import { Nesting } from './nesting.js';

/** A session that all statements run on, as long as it is the connection's. */
interface Held {
  readonly session: Promise<Session>;
  /** How many calls are in progress on it, or wait for it. */
  calls: number;
  readonly nesting: Nesting;
  /** Whether something was set on it, which makes it stay after its transactions. */
  set: boolean;
}

/** The one connection that a program of db0's believes to have: the database, as long as no statement needs more. */
export class Connection {
  private opened: Promise<Database> | undefined;
  private held: Held | undefined;

  constructor(private readonly source: Database | (() => Database | Promise<Database>)) {}

  /** Returns the database. After a failure it is opened again. */
  database(): Promise<Database> {
    return (this.opened ??= this.open().catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    }));
  }

  /** Returns what runs one statement with parameters. */
  statement(sql: string): (params: readonly Primitive[]) => Promise<RunResult<unknown>> {
    const effects = effectsOf(sql);
    return (params) => {
      // db0 allows `undefined`, which is NULL.
      const values = params.map((it) => it ?? null);
      return this.on(effects, (target) => target.run(sql, values));
    };
  }

  /** Runs a statement, or a script: all of it or nothing. */
  async script(sql: string): Promise<{ success: true }> {
    const effects = effectsOf(sql);
    await this.on<unknown>(effects, (target) => (effects.several ? target.batch(sql) : target.run(sql)));
    return { success: true };
  }

  async close(): Promise<void> {
    const { opened, held } = this;
    this.opened = this.held = undefined;
    // Those who wait for it are told why there is none.
    const session = await held?.session.catch(() => undefined);
    session?.release();
    if (typeof this.source === 'function') await (await opened)?.close();
  }

  private async on<T>(effects: Effects, run: (target: Database | Session) => Promise<T>): Promise<T> {
    let { sets } = effects;
    if (this.held === undefined && !effects.connection) {
      try {
        return await run(await this.database());
      } catch (error) {
        if (!needsSession(error)) throw error;
      }
      sets = true;
    }
    const held = (this.held ??= this.acquire());
    held.calls += 1;
    held.set ||= sets;
    let session: Session | undefined;
    try {
      session = await held.session;
      const result = await run(session);
      for (const step of effects.steps) held.nesting.follow(step);
      return result;
    } catch (error) {
      // After a COMMIT that fails the transaction is still there, to be rolled back. If its engine is lost, all fails until
      // then: a statement that ran would be outside of the transaction that its caller believes to be in.
      if (effects.end === 'rollback' || (effects.end === 'commit' && session !== undefined && isOver(session))) held.nesting.open = false;
      throw error;
    } finally {
      held.calls -= 1;
      this.giveBack(held, session);
    }
  }

  /** Gives a session back, unless it has calls, or a transaction, or settings, which it has not if its engine is lost. */
  private giveBack(held: Held, session: Session | undefined): void {
    // A call that is in progress may begin the next transaction.
    if (held.calls > 0 || held.nesting.open) return;
    if (session !== undefined && held.set && !isOver(session)) return;
    if (this.held === held) this.held = undefined;
    session?.release();
  }

  private acquire(): Held {
    const session = this.database().then((database) => database.acquire());
    return { session, nesting: new Nesting(), calls: 0, set: false };
  }

  private open(): Promise<Database> {
    return Promise.resolve(typeof this.source === 'function' ? this.source() : this.source);
  }
}

/** Whether the session takes no calls any more: its engine is gone, or it was given back. */
function isOver({ target: { client, handle } }: Session): boolean {
  return handle === undefined || handle.over !== undefined || client.isLost(handle);
}
