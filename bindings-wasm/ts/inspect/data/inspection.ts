import type { Commits } from '../../api/commits.js';
import type { CommitEvent } from '../../client/commit-event.js';
import { type Entry, entryOf } from './commits.js';
import { type Count, type Relation, count, relations } from './schema.js';
import type { Fault, Source } from './source.js';

/** How many commits the log keeps. */
export const LOGGED = 200;

/** Milliseconds between two rounds of counting while a program writes all the time. */
const ROUND = 500;

/** What has changed. */
export type Change = 'relations' | 'counts' | 'log';

/** What is known of a database while a panel shows it: it follows the commits. Everything ends with {@link close}. */
export class Inspection {
  relations: readonly Relation[] = [];
  /** How many rows a table has; `undefined`: counting took too long. Views are not counted. */
  readonly counts = new Map<string, Count | undefined>();
  /** The newest commits, the last one first. */
  log: readonly Entry[] = [];
  /** Whether INTEGERs are bigints here, so that a number is a REAL. */
  bigints = false;
  private readonly ending = new AbortController();
  private readonly listeners = new Set<(change: Change) => void>();
  private readonly uncounted = new Set<string>();
  private counting: Promise<void> | undefined;
  private feed: Commits | undefined;

  /** @param failed is told of what fails in the background */
  constructor(
    readonly db: Source,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Ends with the panel. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** Calls this with each change; the returned function ends that. */
  listen(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Reads the schema, and follows the commits from then on. */
  async start(): Promise<void> {
    const { signal } = this;
    this.feed = this.db.commits({ signal });
    // Asked for before the schema is read: no commit falls between.
    const first = this.feed.next();
    first.catch(() => {});
    this.bigints = typeof (await this.db.queryValue('SELECT 1', [], { signal })) === 'bigint';
    await this.refresh();
    this.inBackground(this.follow(first));
  }

  /** Reads the schema, and counts all tables again. */
  async refresh(): Promise<void> {
    this.counts.clear();
    await this.reread();
  }

  close(): void {
    this.listeners.clear();
    this.ending.abort(new DOMException('the panel was closed', 'AbortError'));
  }

  private async follow(first: ReturnType<Commits['next']>): Promise<void> {
    for (let next = first; ; next = (this.feed as Commits).next()) {
      const { done, value } = await next;
      if (done) {
        if (!this.signal.aborted) this.failed({ kind: 'Closed', message: 'the database was closed' } satisfies Fault);
        return;
      }
      await this.take(value);
    }
  }

  private async take(event: CommitEvent): Promise<void> {
    this.log = [entryOf(event, new Date()), ...this.log].slice(0, LOGGED);
    this.tell('log');
    if (event.everything) return this.reread();
    const changed = new Set(event.tables.map(({ name }) => name));
    this.recount(this.relations.filter(({ name }) => changed.has(name)));
  }

  private async reread(): Promise<void> {
    this.relations = await relations(this.db, this.signal);
    const names = new Set(this.relations.map(({ name }) => name));
    for (const name of this.counts.keys()) if (!names.has(name)) this.counts.delete(name);
    this.tell('relations');
    this.recount(this.relations);
  }

  private recount(changed: readonly Relation[]): void {
    for (const { name, kind } of changed) {
      // What took too long once is not tried with every commit.
      const slow = this.counts.has(name) && this.counts.get(name) === undefined;
      if (kind !== 'view' && !slow) this.uncounted.add(name);
    }
    this.counting ??= this.countAll().finally(() => {
      this.counting = undefined;
    });
    this.inBackground(this.counting);
  }

  private async countAll(): Promise<void> {
    while (this.uncounted.size > 0 && !this.signal.aborted) {
      const round = [...this.uncounted];
      this.uncounted.clear();
      for (const name of round) {
        // A table that can't be read, for want of its module, says so when it is opened.
        this.counts.set(name, await count(this.db, name, this.signal).catch(() => undefined));
        if (this.signal.aborted) return;
      }
      this.tell('counts');
      if (this.uncounted.size > 0) await new Promise((resolve) => setTimeout(resolve, ROUND));
    }
  }

  private inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.signal.aborted) this.failed(error);
    });
  }

  private tell(change: Change): void {
    for (const listener of [...this.listeners]) listener(change);
  }
}
