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

/**
 * Tells a collection what others have committed to it, in the order of the commits: other tabs, processes and connections,
 * which a live query of its version shows.
 *
 * A collection works off messages and its own calls one after the other, and shows what it has written as soon as the call
 * returns. A message that waits behind such a call would put an older value over a newer one. So messages are sent only
 * while the collection is at no call, and without what it has itself written later than they tell.
 */
export class Feed {
  /** Fulfilled when all that is committed from then on is told; rejected if nothing will be. */
  readonly started: Promise<void>;

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

  /**
   * @param ready fulfilled when the tables are there
   * @param pull returns what was committed after a version
   */
  constructor(
    private readonly database: Database,
    private readonly collectionId: string,
    ready: Promise<unknown>,
    private readonly pull: (from: number) => Promise<Pulled>,
  ) {
    this.started = new Promise((resolve, reject) => {
      void ready.then(() => this.watch(resolve, reject), reject);
    });
    // It is thrown where a call waits for it.
    this.started.catch(() => {});
  }

  /** Adds a listener. The returned function removes it, and ends the feed with the last. */
  add(listener: Listener, ended: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      if (!this.listeners.delete(listener) || this.listeners.size > 0) return;
      this.over = true;
      this.stopWatch?.();
      ended();
    };
  }

  /** Runs a call of the collection's. */
  async during<T>(call: () => Promise<T>): Promise<T> {
    this.calls += 1;
    try {
      await this.started;
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

  private async watch(started: () => void, failed: (error: unknown) => void): Promise<void> {
    if (this.over) return;
    // No limit of the handle's: it takes as long as nobody writes.
    const watch = this.database.watch<Position>(POSITION, [this.collectionId], { timeout: Infinity });
    this.stopWatch = () => void watch.return();
    try {
      for await (const { rows: [row] } of watch) {
        if (row === undefined) continue;
        const newest = { epoch: Number(row.epoch), version: Number(row.version) };
        // What is there already, the collection is about to read.
        if (this.newest === undefined) this.told = newest;
        this.newest = newest;
        started();
        void this.follow();
      }
      failed(new Error('the database or the collection was closed'));
    } catch (error) {
      failed(error);
      // Then no call is told.
      if (this.newest !== undefined) throw error;
    }
  }

  /** Sends messages until the collection has what the database has. */
  private async follow(): Promise<void> {
    if (this.following) return;
    this.following = true;
    try {
      while (await this.step());
    } catch (error) {
      if ((error as { kind?: string }).kind !== 'Closed') throw error;
    } finally {
      this.following = false;
    }
  }

  private async step(): Promise<boolean> {
    await this.idle();
    this.skipWritten();
    const { told, newest } = this;
    if (this.over || newest === undefined) return false;
    if (told.epoch === newest.epoch && told.version >= newest.version) return false;
    const pulled = told.epoch === newest.epoch ? await this.pull(told.version) : undefined;
    await this.idle();
    if (this.over) return false;
    // It was reset meanwhile.
    if (newest.epoch !== this.newest?.epoch) return true;
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
    for (const listener of [...this.listeners]) listener(message);
  }
}
