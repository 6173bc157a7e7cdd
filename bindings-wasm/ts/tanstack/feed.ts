import type { ProtocolEnvelope, SQLitePullSinceResult } from '@tanstack/db-sqlite-persistence-core';

import type { Database } from '../api/database.js';
import { type Delta, without } from './changes.js';
import { turn } from './turn.js';

/** How far the database is with a collection: each transaction adds to the version, and a reset begins anew. */
interface Position {
  readonly epoch: number;
  readonly version: number;
}

/** What a collection is called with. */
export type Listener = (message: ProtocolEnvelope<unknown>) => void;

/** What a message of a transaction tells: to read all anew, or what it has changed. */
type Committed = { requiresFullReload: true; txId: string; latestRowVersion: number } | (Delta & { requiresFullReload: false });

type Pulled = SQLitePullSinceResult<string | number>;

const POSITION = `SELECT reset_epoch AS epoch, latest_row_version AS version
  FROM collection_version JOIN collection_reset_epoch USING (collection_id) WHERE collection_id = ?`;

const NOTHING: Delta = { txId: '', latestRowVersion: 0, changedRows: [], deletedKeys: [], rowMetadataMutations: [], collectionMetadataMutations: [] };

/** After how many ms what failed is tried again. */
const PAUSE = 200;

/** What goes by itself: the database was locked, slow, or lost its engine. */
const PASSING: ReadonlySet<unknown> = new Set(['Busy', 'Timeout', 'Cancelled', 'OutcomeUnknown']);

/**
 * Tells a collection what others have committed to it, in the order of the commits: other tabs, processes and connections,
 * which a live query of its version shows.
 *
 * A collection works off messages and its own calls one after the other, and shows what it has written as soon as the call
 * returns. A message that waits behind such a call would put an older value over a newer one. So messages are sent only
 * while the collection is at no call, and without what it has itself written later than they tell.
 */
export class Feed {
  private readonly listeners = new Set<Listener>();
  /** What was written here and is later than `told`: by version, what it changed. */
  private readonly written = new Map<number, ReadonlySet<string>>();
  /** What the database has, and how much of it the collection has. */
  private newest: Position | undefined;
  private told: Position = { epoch: 0, version: 0 };
  private messages = 1;
  private calls = 0;
  private whenIdle: (() => void) | undefined;
  private following = false;
  private over = false;
  private stopWatch: (() => void) | undefined;
  private starting: Promise<void> | undefined;
  /** Whether the collection is to read everything anew: it could not when it wanted to, or its changes can't be fetched. */
  private anew = false;
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  /**
   * @param prepare makes the tables, unless they are there
   * @param pull returns what was committed after a version
   */
  constructor(
    private readonly database: Database,
    private readonly collectionId: string,
    private readonly prepare: () => Promise<unknown>,
    private readonly pull: (from: number) => Promise<Pulled>,
  ) {
    this.tryToStart();
  }

  /** Adds a listener. The returned function removes it, and ends the feed with the last. */
  add(listener: Listener, ended: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      if (!this.listeners.delete(listener) || this.listeners.size > 0) return;
      this.over = true;
      this.stopWatch?.();
      for (const timer of this.timers) clearTimeout(timer);
      ended();
    };
  }

  /** Runs a call of the collection's. */
  async during<T>(call: () => Promise<T>): Promise<T> {
    this.calls += 1;
    try {
      await this.start();
      return await call();
    } finally {
      this.calls -= 1;
      if (this.calls === 0) this.whenIdle?.();
    }
  }

  /** Notes what a call has committed. */
  wrote(version: number, changed: ReadonlySet<string>): void {
    this.written.set(version, changed);
  }

  /**
   * Resolves once all that is committed from then on is told, or nobody is left to be told: what waits for it goes on.
   * If it fails, the calls that wait for it do, and the next one begins anew.
   */
  private start(): Promise<void> {
    this.starting ??= new Promise((resolve, reject) => {
      this.watch(resolve).then(resolve, (error: unknown) => {
        this.starting = undefined;
        // What is there already, the collection could not read either. What others may have changed, it has not been told.
        if (this.newest === undefined || !passes(error)) this.anew = true;
        if (this.newest !== undefined || passes(error)) this.later(error, () => this.tryToStart());
        reject(error);
      });
    });
    return this.starting;
  }

  private tryToStart(): void {
    // It is thrown where a call waits for it.
    this.start().catch(() => {});
  }

  /** Watches the version until the collection or the database is closed. Calls `started` with the first. */
  private async watch(started: () => void): Promise<void> {
    await this.prepare();
    if (this.over) return;
    // No limit of the handle's: it takes as long as nobody writes.
    const watch = this.database.watch<Position>(POSITION, [this.collectionId], { timeout: Infinity });
    this.stopWatch = () => void watch.return();
    for await (const { rows: [row] } of watch) {
      if (row === undefined) continue;
      const newest = { epoch: Number(row.epoch), version: Number(row.version) };
      // What is there already, the collection is about to read.
      if (this.newest === undefined) this.told = newest;
      this.newest = newest;
      started();
      void this.follow();
    }
  }

  /** Sends messages until the collection has what the database has. It never rejects. */
  private async follow(): Promise<void> {
    if (this.following) return;
    this.following = true;
    try {
      while (await this.step());
    } catch (error) {
      // Where waiting does not help, the collection is to read all of it, and says itself why it can't.
      if (!passes(error)) this.anew = true;
      this.later(error, () => void this.follow());
    } finally {
      this.following = false;
    }
  }

  /** Does what failed again after a while, unless it never can. */
  private later(error: unknown, again: () => void): void {
    if (this.over || (error as { kind?: string }).kind === 'Closed') return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      again();
    }, PAUSE);
    this.timers.add(timer);
    // In Node, it keeps no process running.
    (timer as { unref?: () => void }).unref?.();
  }

  private async step(): Promise<boolean> {
    await this.idle();
    this.skipWritten();
    const { told, newest, anew } = this;
    if (this.over || newest === undefined) return false;
    const reset = told.epoch !== newest.epoch;
    if (!reset && !anew && told.version >= newest.version) return false;
    const pulled = reset ? undefined : anew ? all(newest) : complete(await this.pull(told.version), told, newest);
    await this.idle();
    if (this.over) return false;
    // It was reset meanwhile.
    if (newest.epoch !== this.newest?.epoch) return true;
    if (anew) this.anew = false;
    this.told = { epoch: newest.epoch, version: Math.max(newest.version, this.send(pulled, newest.epoch)) };
    for (const version of this.written.keys()) if (version <= this.told.version) this.written.delete(version);
    return true;
  }

  /** Waits until the collection is at no call, and whatever followed the last one has begun its own. */
  private async idle(): Promise<void> {
    do {
      if (this.calls > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
      await turn();
    } while (this.calls > 0);
  }

  /** A single collection has shown already what was written here. Of several, it is not known which one wrote. */
  private get own(): ReadonlyMap<number, ReadonlySet<string>> {
    return this.listeners.size === 1 ? this.written : new Map();
  }

  /** Passes over what was written here right after what was told, without reading it. */
  private skipWritten(): void {
    let { version } = this.told;
    while (this.own.has(version + 1)) {
      version += 1;
      this.written.delete(version);
    }
    this.told = { ...this.told, version };
  }

  /** Sends what was committed: without it, a reset. Returns the version that the collection has then. */
  private send(pulled: Pulled | undefined, resetEpoch: number): number {
    // A collection keeps the rows of its own last transactions beside those that it was sent until it is sent a transaction,
    // and also over a reload: so that others could not delete them. An empty one ends that.
    this.emitCommitted({ ...NOTHING, requiresFullReload: false });
    if (pulled === undefined) {
      this.written.clear();
      this.emit({ type: 'collection:reset', schemaVersion: 0, resetEpoch });
      return 0;
    }
    if (pulled.requiresFullReload) {
      this.emitCommitted({ txId: '', latestRowVersion: pulled.latestRowVersion, requiresFullReload: true });
      return pulled.latestRowVersion;
    }
    const { own } = this;
    for (const delta of pulled.deltas) {
      if (own.has(delta.latestRowVersion)) continue;
      const later = [...own].filter(([version]) => version > delta.latestRowVersion).map(([, changed]) => changed);
      this.emitCommitted({ ...without(delta, later), requiresFullReload: false });
    }
    return pulled.deltas.at(-1)?.latestRowVersion ?? 0;
  }

  /**
   * Each message is the first of a new term, so that a collection takes it whatever position its own writes have given
   * it: that none is missing, and none comes twice, is known here.
   */
  private emitCommitted(committed: Committed): void {
    this.messages += 1;
    this.emit({ type: 'tx:committed', term: this.messages, seq: 1, ...committed });
  }

  private emit(payload: object): void {
    const { path: dbName } = this.database;
    const message = { v: 1, dbName, collectionId: this.collectionId, senderId: 'ubiqlite', ts: Date.now(), payload } as const;
    for (const listener of [...this.listeners]) {
      try {
        listener(message);
      } catch (error) {
        console.warn('A listener of a collection failed:', error);
      }
    }
  }
}

/** Whether a later try may do better. */
function passes(error: unknown): boolean {
  return PASSING.has((error as { kind?: string }).kind);
}

/** What has the collection read everything. */
function all({ version }: Position): Pulled {
  return { latestRowVersion: version, requiresFullReload: true };
}

/**
 * Returns what was pulled if it has every transaction after `told` up to `newest`: it is read with several queries, and
 * some transactions may have been deleted in between, as too old to be kept.
 */
function complete(pulled: Pulled, told: Position, newest: Position): Pulled {
  if (pulled.requiresFullReload) return pulled;
  const { deltas } = pulled;
  const whole = deltas.every(({ latestRowVersion }, at) => latestRowVersion === told.version + 1 + at);
  return whole && told.version + deltas.length >= newest.version ? pulled : all(newest);
}
