import type { CommitEvent } from '../client/commit-event.js';
import { CommitEvents } from '../client/commit-events.js';
import { loop } from '../client/live.js';
import type { CallOptions } from '../client/options.js';
import { Op } from '../wire/ops.js';
import type { CallTarget } from './statements.js';

/** The options of a commit feed. */
export interface CommitsOptions extends CallOptions {
  /**
   * The table, or the tables, that it is about: it then has the commits that change one of them, and those that may have
   * changed anything or the schema. Default, and with an empty list: all.
   */
  tables?: string | readonly string[];
}

/**
 * A commit feed: what each commit has changed, one after another, whoever makes it. What is rolled back is not in it.
 * It begins when it is first read, and has each commit that is requested after that. A reader may ask late: 32 events
 * are kept for it, and the last of them joins all later commits, so that it loses detail but no change. It ends with
 * `break`, when its signal is aborted, and when the database closes. A time limit is for each wait: a loop ends with
 * its `Timeout`, while after a call of `next` that failed with it another one may follow.
 *
 * ```ts
 * for await (const { tables, everything } of db.commits({ tables: ['items'] })) {
 *   if (everything) cache.clear();
 *   else for (const { rows } of tables) rows === undefined ? cache.clear() : rows.forEach(({ key }) => cache.delete(key));
 * }
 * ```
 */
export class Commits implements AsyncIterableIterator<CommitEvent, undefined, unknown>, AsyncDisposable {
  private readonly events: CommitEvents;

  /** @internal */
  constructor(target: CallTarget, options: CommitsOptions | undefined) {
    const given = options?.tables ?? [];
    const tables = typeof given === 'string' ? [given] : [...given];
    const write = (out: { u32(value: number): void; text(text: string): void }): void => {
      out.u32(tables.length);
      for (const table of tables) out.text(table);
    };
    const call = { op: Op.commits, on: target.handle, write, options: target.options(options, ['tables']) };
    this.events = new CommitEvents(target.client, call, 'commit feed');
  }

  /** Returns what the next commit has changed. */
  async next(): Promise<IteratorResult<CommitEvent, undefined>> {
    const value = await this.events.next();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  /** Ends the feed. */
  return(): Promise<IteratorResult<CommitEvent, undefined>> {
    this.events.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<CommitEvent, undefined> {
    return loop(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
