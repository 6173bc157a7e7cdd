/**
 * Requests that are to be stopped, in memory that two threads share: the thread
 * of a running statement hears no message. A table of 1024 slots, each a client
 * and its request; who comes to a slot that is taken takes its place, and then
 * the earlier request is stopped by its message alone, once the engine listens.
 */
const SLOTS = 1024;

export type StopTable = Int32Array<SharedArrayBuffer>;

export function stopTable(): StopTable {
  return new Int32Array(new SharedArrayBuffer(2 * SLOTS * Int32Array.BYTES_PER_ELEMENT));
}

/** Has the engine stop the request, should it run or begin. */
export function stop(table: StopTable, client: number, request: number): void {
  const at = place(client, request);
  // Never this client with the request that was here before.
  Atomics.store(table, at + 1, 0);
  Atomics.store(table, at, client);
  Atomics.store(table, at + 1, request);
}

/** Whether the request is to be stopped. */
export function isStopped(table: StopTable, client: number, request: number): boolean {
  const at = place(client, request);
  return Atomics.load(table, at + 1) === (request | 0) && Atomics.load(table, at) === (client | 0);
}

function place(client: number, request: number): number {
  return 2 * (((Math.imul(client, 31) + request) >>> 0) % SLOTS);
}
