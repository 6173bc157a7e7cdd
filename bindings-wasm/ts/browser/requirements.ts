import { failure, missing } from './failure.js';

/** What this context can do to find an engine. */
export type Role =
  /** A window or dedicated worker: can start the leading worker. */
  | 'leader'
  /** A SharedWorker or ServiceWorker: can only reach the engine of another context. */
  | 'follower';

/**
 * Returns what this context can do. Checks for everything that durable storage needs, and
 * names the first thing that is missing: memory is never a silent substitute for a disk.
 *
 * @throws an `Unsupported` that says what is missing and what to do
 */
export function requireStorage(): Role {
  if (globalThis.isSecureContext === false) {
    throw missing(
      'a secure context',
      'serve the page over https, or from http://localhost while you develop',
    );
  }
  const navigator = globalThis.navigator as Partial<Navigator> | undefined;
  if (navigator?.storage?.getDirectory === undefined) {
    throw missing('the origin private file system (navigator.storage.getDirectory)', NEWER);
  }
  if (navigator.locks === undefined) throw missing('Web Locks (navigator.locks)', NEWER);
  if (typeof BroadcastChannel !== 'function') throw missing('BroadcastChannel', NEWER);
  const scope = globalThis as { SharedWorkerGlobalScope?: unknown; ServiceWorkerGlobalScope?: unknown };
  if (isScope(scope.SharedWorkerGlobalScope) || isScope(scope.ServiceWorkerGlobalScope)) return 'follower';
  if (typeof Worker !== 'function') throw missing('workers inside this context', NEWER);
  return 'leader';
}

/** @throws an `Unsupported` if this context can't start a worker */
export function requireWorker(): void {
  if (typeof Worker !== 'function') {
    throw failure('Unsupported', 'a database in memory needs a worker: open it from a page or a dedicated worker');
  }
}

const NEWER = 'use a newer browser (Chromium 108, Firefox 111, Safari 16.4, or later)';

function isScope(scope: unknown): boolean {
  return typeof scope === 'function' && globalThis instanceof scope;
}
