import {
  type ApplyLocalMutationsResponse,
  type PersistedCollectionCoordinator,
  type PersistedMutationEnvelope,
  safeRandomUUID,
} from '@tanstack/db-sqlite-persistence-core';

import type { Listener } from './feed.js';
import type { Store } from './store.js';

/**
 * Coordinates collections that several tabs or processes have open, by the database that they share: each writes for
 * itself, and the database has the order. Nobody leads, so nothing waits for a tab that is gone.
 */
export class UbiqliteCoordinator implements PersistedCollectionCoordinator {
  private readonly nodeId = safeRandomUUID();

  constructor(private readonly store: Store) {}

  getNodeId(): string {
    return this.nodeId;
  }

  subscribe(collectionId: string, onMessage: Listener): () => void {
    return this.store.subscribe(collectionId, onMessage);
  }

  /** What was committed, the others see in the database. */
  publish(): void {}

  /** Everybody may write. */
  isLeader(): boolean {
    return true;
  }

  ensureLeadership(): Promise<void> {
    return Promise.resolve();
  }

  /** The adapter has made the index already, in the database that all share. */
  requestEnsurePersistedIndex(): Promise<void> {
    return Promise.resolve();
  }

  async requestApplyLocalMutations(collectionId: string, mutations: PersistedMutationEnvelope[]): Promise<ApplyLocalMutationsResponse> {
    const written = mutations.map(({ type, key, value }) => ({ type, key, value }));
    await this.store.applyCommittedTx(collectionId, { txId: safeRandomUUID(), term: 0, seq: 0, rowVersion: 0, mutations: written });
    // The position is that of nothing, since what is earlier than these mutations may not have been told yet.
    const nothing = { term: 0, seq: 0, latestRowVersion: 0 };
    return { type: 'rpc:applyLocalMutations:res', rpcId: '', ok: true, ...nothing, acceptedMutationIds: mutations.map((it) => it.mutationId) };
  }
}
