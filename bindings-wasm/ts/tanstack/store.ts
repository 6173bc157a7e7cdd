import {
  type PersistedTx,
  type PersistenceAdapter,
  SQLiteCorePersistenceAdapter,
  type SQLiteCoreAdapterOptions,
} from '@tanstack/db-sqlite-persistence-core';

import type { Database } from '../api/database.js';
import type { Transaction } from '../api/transaction.js';
import { changedBy } from './changes.js';
import { RoutedDriver, UbiqliteDriver } from './driver.js';
import { Feed, type Listener } from './feed.js';

/** How a collection is kept: what the persistence's own adapter is told. */
export type StoreOptions = Omit<SQLiteCoreAdapterOptions, 'driver'>;

/** How often work begins again whose engine was lost, as when the tab that had it was closed. */
const TRIES = 10;

const POSITION = `SELECT
  max(1, coalesce((SELECT latest_term FROM leader_term WHERE collection_id = :id), 1)) AS term,
  coalesce((SELECT latest_row_version FROM collection_version WHERE collection_id = :id), 0) AS version`;
const LAST = 'SELECT coalesce(max(seq), 0) AS seq FROM applied_tx WHERE collection_id = ? AND term = ?';
const DONE = 'SELECT row_version AS version FROM applied_tx WHERE collection_id = ? AND tx_id = ?';

/**
 * The persistence's adapter on one database that several programs write: each transaction gets its position in the stream
 * within the database transaction that stores it. (A position of the writer's own might have been taken meanwhile, and the
 * adapter leaves out a transaction whose position is taken.)
 */
export class Store implements PersistenceAdapter {
  private readonly reader: SQLiteCorePersistenceAdapter;
  private readonly route = new RoutedDriver();
  private writer: SQLiteCorePersistenceAdapter;
  private readonly prepared = new Map<string, Promise<unknown>>();
  private readonly feeds = new Map<string, Feed>();
  /** The last of the transactions here. They follow one another, since they share the route. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly options: StoreOptions,
  ) {
    this.reader = new SQLiteCorePersistenceAdapter({ ...options, driver: new UbiqliteDriver(database) });
    this.writer = this.newWriter();
  }

  readonly loadSubset: PersistenceAdapter['loadSubset'] = (id, ...rest) => this.call(id, () => this.reader.loadSubset(id, ...rest));

  readonly loadCollectionMetadata: NonNullable<PersistenceAdapter['loadCollectionMetadata']> = (id) =>
    this.call(id, () => this.reader.loadCollectionMetadata(id));

  readonly scanRows: NonNullable<PersistenceAdapter['scanRows']> = (id, options) => this.call(id, () => this.reader.scanRows(id, options));

  readonly ensureIndex: PersistenceAdapter['ensureIndex'] = (id, ...rest) => this.call(id, () => this.reader.ensureIndex(id, ...rest));

  readonly markIndexRemoved: NonNullable<PersistenceAdapter['markIndexRemoved']> = (id, signature) =>
    this.call(id, () => this.reader.markIndexRemoved(id, signature));

  readonly applyCommittedTx: PersistenceAdapter['applyCommittedTx'] = (id, tx) => {
    let tries = 0;
    return this.call(id, async () => {
      tries += 1;
      const version = await this.inTransaction((transaction) => this.apply(id, tx, transaction, tries > 1));
      this.feeds.get(id)?.wrote(version, changedBy(tx));
    });
  };

  /** Calls a listener with what others commit to a collection from now on. The returned function ends that. */
  subscribe(id: string, listener: Listener): () => void {
    let feed = this.feeds.get(id);
    if (feed === undefined) {
      feed = new Feed(this.database, id, () => this.prepare(id), (from) => again(() => this.reader.pullSince(id, from)));
      this.feeds.set(id, feed);
    }
    const begun = feed;
    return begun.add(listener, () => {
      if (this.feeds.get(id) === begun) this.feeds.delete(id);
    });
  }

  /** Runs a call of a collection's: once its tables are there and its feed has begun, and again if the engine is lost. */
  private async call<T>(id: string, work: () => Promise<T>): Promise<T> {
    const whole = async (): Promise<T> => {
      await this.prepare(id);
      return again(work);
    };
    const feed = this.feeds.get(id);
    return feed === undefined ? whole() : feed.during(whole);
  }

  /** Makes the tables of a collection, in one transaction, so that tabs that start at the same time wait for each other. */
  private prepare(id: string): Promise<unknown> {
    let made = this.prepared.get(id);
    if (made === undefined) {
      made = again(() => this.inTransaction(() => this.writer.getStreamPosition(id)));
      this.prepared.set(id, made);
      made.catch(() => this.prepared.delete(id));
    }
    return made;
  }

  /** Returns the version that the transaction has. */
  private async apply(id: string, tx: PersistedTx, transaction: Transaction, repeated: boolean): Promise<number> {
    // The engine may have been lost after the commit.
    const done = repeated ? await transaction.queryOptional<{ version: number }>(DONE, [id, tx.txId]) : undefined;
    if (done !== undefined) return Number(done.version);
    const { term, version } = await transaction.queryOne<{ term: number; version: number }>(POSITION, { id });
    const { seq } = await transaction.queryOne<{ seq: number }>(LAST, [id, term]);
    const rowVersion = Number(version) + 1;
    await this.writer.applyCommittedTx(id, { ...tx, term: Number(term), seq: Number(seq) + 1, rowVersion });
    return rowVersion;
  }

  /** Runs `body` in a transaction, with the writer on it, after those that were asked for before. */
  private inTransaction<T>(body: (transaction: Transaction) => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      let ran: Promise<unknown> = Promise.resolve();
      try {
        return await this.database.transaction((it) => {
          const result = this.route.through(it, () => body(it));
          ran = result;
          return result;
        });
      } catch (error) {
        // The writer remembers tables that it has made, which were undone.
        this.writer = this.newWriter();
        throw error;
      } finally {
        // A transaction that is over by a time limit does not wait for its body.
        await ran.catch(() => {});
      }
    };
    const done = this.last.then(run);
    this.last = done.catch(() => {});
    return done;
  }

  private newWriter(): SQLiteCorePersistenceAdapter {
    return new SQLiteCorePersistenceAdapter({ ...this.options, driver: this.route });
  }
}

/** Runs work that may be repeated, again if its engine was lost: it was then undone, or it is not known whether it was. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const { kind } = error as { kind?: string };
      if ((kind !== 'Cancelled' && kind !== 'OutcomeUnknown') || tries === TRIES) throw error;
    }
  }
}
