import type { PersistedTx, ReplayableTxDelta } from '@tanstack/db-sqlite-persistence-core';

/** What a transaction has changed. */
export type Delta = ReplayableTxDelta;

type Key = string | number;

const row = (key: Key): string => `row ${typeof key} ${key}`;
const about = (key: Key): string => `about ${typeof key} ${key}`;
const setting = (key: string): string => `setting ${key}`;

/** Returns names of what a transaction changes: rows, what is noted of them, and of the collection. */
export function changedBy(tx: PersistedTx): ReadonlySet<string> {
  return new Set([
    ...tx.mutations.map(({ key }) => row(key)),
    ...(tx.rowMetadataMutations ?? []).map(({ key }) => about(key)),
    ...(tx.collectionMetadataMutations ?? []).map(({ key }) => setting(key)),
  ]);
}

/** Returns the delta without what was changed again. */
export function without(delta: Delta, changed: readonly ReadonlySet<string>[]): Delta {
  const stands = (name: string): boolean => !changed.some((names) => names.has(name));
  return {
    ...delta,
    changedRows: delta.changedRows.filter(({ key }) => stands(row(key))),
    deletedKeys: delta.deletedKeys.filter((key) => stands(row(key))),
    rowMetadataMutations: delta.rowMetadataMutations.filter(({ key }) => stands(about(key))),
    collectionMetadataMutations: delta.collectionMetadataMutations.filter(({ key }) => stands(setting(key))),
  };
}
