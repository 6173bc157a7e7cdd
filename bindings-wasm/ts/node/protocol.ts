/** The messages between the thread that uses a database and the worker that has it open. */
import type { MessagePort } from 'node:worker_threads';
import type { Culprit } from '../engine/broken.js';
import type { ErrorFields } from '../errors.js';
import type { StopTable } from './stop.js';

/** The data that a worker starts with. */
export interface Start {
  /** The database's file; `undefined` for databases in memory. */
  file: string | undefined;
  /** Names this worker in the lock, so that the thread that started it can remove the lock after it. */
  token: string;
  /** The engine: its file, or the module that another worker compiled. */
  wasm: string | WebAssembly.Module;
}

/** To the worker. */
export type ToWorker =
  /** A client wants to open the database; its messages come through `port`. */
  | { admit: number; port: MessagePort; path: string; options: object; stops: StopTable }
  /** Close everything in an orderly way, and end. */
  | { end: true };

/** From the worker. Its orderly end is the end of its thread. */
export type FromWorker =
  /** The compiled engine, for the next worker: compiling takes longer than everything else in an opening. */
  | { compiled: WebAssembly.Module }
  /** The engine broke, through this call if one was running. */
  | { crashed: string; by: Culprit | undefined };

/** From a client, on its port. Bare ArrayBuffers are request batches. */
export type FromClient = ArrayBuffer | { close: true };

/** To a client, on its port. Bare ArrayBuffers are reply batches. */
export type ToClient = ArrayBuffer | { opened: true } | { failed: ErrorFields } | { closed: true };
