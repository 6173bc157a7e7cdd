/**
 * The requests that a client has cancelled, and how far the engine has come with its
 * requests, in memory that their two threads share: the thread of a running statement
 * receives no messages. One table per client.
 *
 * Both sides write before they read: the client a request that it cancels, the engine the
 * one that it is about to begin. So at least one of them sees what the other wrote, and a
 * request that the client is certain has not begun never begins.
 */
const SLOTS = 1024;
/** Whether the engine has begun any request. */
const BEGUN = 0;
/** The last request that it has begun: numbers grow. */
const LAST = 1;
const FIRST_SLOT = 2;

export type StopTable = Int32Array<SharedArrayBuffer>;

export function stopTable(): StopTable {
  return new Int32Array(new SharedArrayBuffer((FIRST_SLOT + SLOTS) * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Cancels a request: the engine stops it if it runs.
 *
 * @returns whether it is certain that it has not begun, and never will
 */
export function requestStop(table: StopTable, request: number): boolean {
  const at = place(request);
  const before = Atomics.load(table, at);
  // The slot is taken by a request that the engine has not begun yet.
  if (before !== 0 && before !== (request | 0) && !hasBegun(table, before)) return false;
  Atomics.store(table, at, request);
  return !hasBegun(table, request);
}

/** Records that the engine is about to begin the request, and returns whether it may. */
export function begins(table: StopTable, request: number): boolean {
  // A request that comes out of order is before the last one, and so has begun in the client's eyes.
  if (!hasBegun(table, request)) {
    Atomics.store(table, LAST, request);
    Atomics.store(table, BEGUN, 1);
  }
  return !isStopped(table, request);
}

/** Whether the request was cancelled. */
export function isStopped(table: StopTable, request: number): boolean {
  return Atomics.load(table, place(request)) === (request | 0);
}

function hasBegun(table: StopTable, request: number): boolean {
  return Atomics.load(table, BEGUN) === 1 && ((Atomics.load(table, LAST) - request) | 0) >= 0;
}

function place(request: number): number {
  return FIRST_SLOT + ((request >>> 0) % SLOTS);
}
