/** What the thread that uses a database and the worker that has it open say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { Culprit } from '../engine/broken.js';
import type { ErrorFields } from '../errors.js';
import type { StopTable } from './stop.js';

/** What a worker begins with. */
export interface Start {
  /** The database's file; `undefined` for databases in memory. */
  file: string | undefined;
  /** Names this worker in the lock, so that whoever started it can take the lock away after it. */
  token: string;
  /** The engine: its file, or what another worker made of it. */
  wasm: string | WebAssembly.Module;
}

/** To the worker. */
export type ToWorker =
  /** A client wants to have the database open; what it says comes by `port`. */
  | { admit: number; port: MessagePort; path: string; options: object; stops: StopTable }
  /** Close everything in order, and end. */
  | { end: true };

/** From the worker, whose orderly end is the thread's. */
export type FromWorker =
  /** The engine as machine code, for the next worker: compiling takes longer than all else in an opening. */
  | { compiled: WebAssembly.Module }
  /** The engine broke, by this call if one ran. */
  | { crashed: string; by: Culprit | undefined };

/** From a client, on its port. Bare ArrayBuffers are request batches. */
export type FromClient = ArrayBuffer | { close: true };

/** To a client, on its port. Bare ArrayBuffers are reply batches. */
export type ToClient = ArrayBuffer | { opened: true } | { failed: ErrorFields } | { closed: true };
