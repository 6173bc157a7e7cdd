/**
 * Collections of TanStack DB that are kept in a database of this library, in several tabs and processes:
 * `createUbiqlitePersistence({ database })`, from `ubiqlite/tanstack`.
 *
 * @module
 */

import {
  DEFAULT_APPLIED_TX_PRUNE_MAX_AGE_SECONDS,
  DEFAULT_APPLIED_TX_PRUNE_MAX_ROWS,
  type PersistedCollectionMode,
  type PersistedCollectionPersistence,
  type SQLiteCoreAdapterOptions,
} from '@tanstack/db-sqlite-persistence-core';

import type { Database } from '../api/database.js';
import { UbiqliteCoordinator } from './coordinator.js';
import { Store } from './store.js';

export { UbiqliteDriver } from './driver.js';

/** The configuration of a persistence. */
export interface UbiqlitePersistenceOptions {
  /** The open database. Close it yourself, after the collections. */
  database: Database;
  /**
   * What is done with a collection whose rows were stored with another `schemaVersion`: `'reset'` and
   * `'sync-present-reset'` delete them, `'sync-absent-error'` and `'throw'` make the collection fail. Default: they are
   * deleted if the collection has a `sync` of its own, from which they come again.
   */
  schemaMismatchPolicy?: NonNullable<SQLiteCoreAdapterOptions['schemaMismatchPolicy']> | 'throw';
  /** How many transactions of a collection are kept for those who have not seen them; 0: all. Default: 1000. */
  appliedTxPruneMaxRows?: number;
  /** How long they are kept, in seconds; 0: for as long as their number allows. Default: 86400. */
  appliedTxPruneMaxAgeSeconds?: number;
  /** After how many changed rows a tab reads its collection anew, instead of the changes. Default: 128. */
  pullSinceReloadThreshold?: number;
}

/**
 * Returns what `persistedCollectionOptions` takes as its `persistence`, for any number of collections.
 *
 * ```ts
 * import { createCollection } from '@tanstack/db';
 * import { persistedCollectionOptions } from '@tanstack/db-sqlite-persistence-core';
 * import { open } from 'ubiqlite';
 * import { createUbiqlitePersistence } from 'ubiqlite/tanstack';
 *
 * const persistence = createUbiqlitePersistence({ database: await open('app.db') });
 * const todos = createCollection(persistedCollectionOptions<Todo, string>({ id: 'todos', getKey: (it) => it.id, persistence }));
 * ```
 * Each transaction of a collection is one of the database. All that is committed to it elsewhere, its collections in every
 * tab and process show.
 */
export function createUbiqlitePersistence(options: UbiqlitePersistenceOptions): PersistedCollectionPersistence {
  const { database, schemaMismatchPolicy, ...limits } = options;
  const kept = new Map<string, PersistedCollectionPersistence>();
  const keep = (mode: PersistedCollectionMode, schemaVersion?: number): PersistedCollectionPersistence => {
    const usual = mode === 'sync-present' ? 'sync-present-reset' : 'sync-absent-error';
    const policy = schemaMismatchPolicy === 'throw' ? 'sync-absent-error' : (schemaMismatchPolicy ?? usual);
    const name = `${policy} ${schemaVersion}`;
    let found = kept.get(name);
    if (found === undefined) {
      const store = new Store(database, {
        appliedTxPruneMaxRows: DEFAULT_APPLIED_TX_PRUNE_MAX_ROWS,
        appliedTxPruneMaxAgeSeconds: DEFAULT_APPLIED_TX_PRUNE_MAX_AGE_SECONDS,
        ...limits,
        ...(schemaVersion === undefined ? {} : { schemaVersion }),
        schemaMismatchPolicy: policy,
      });
      found = { adapter: store, coordinator: new UbiqliteCoordinator(store) };
      kept.set(name, found);
    }
    return found;
  };
  return {
    ...keep('sync-absent'),
    resolvePersistenceForCollection: ({ mode, schemaVersion }) => keep(mode, schemaVersion),
    resolvePersistenceForMode: (mode) => keep(mode),
  };
}
