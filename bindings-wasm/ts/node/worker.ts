/**
 * The worker that has one database file open, or databases in memory, and serves the
 * clients of the thread that started it.
 */
import * as fs from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { load } from '../engine/serve.js';
import { PATIENCE, acquire, busy } from './acquire.js';
import { Clients } from './clients.js';
import { failure, systemCode } from './failure.js';
import { NodeFiles, isReadOnly } from './files.js';
import { Lock, holderOf, lockOf } from './lock.js';
import type { FromWorker, Start, ToWorker } from './protocol.js';

const { file, token, wasm } = workerData as Start;
const parent = parentPort as MessagePort;
const lock = file === undefined ? undefined : new Lock(lockOf(file), token);
/** Why there is no lock, if nothing could be locked. */
let unlocked: unknown;

const tell = (message: FromWorker): void => parent.postMessage(message);

/** Messages that arrive before the engine is ready. Deno does not keep them for a listener that is added later. */
const early: ToWorker[] = [];
const keep = (message: ToWorker): number => early.push(message);
parent.on('message', keep);

const engine = await load(typeof wasm === 'string' ? await compile(wasm) : wasm);
const clients = new Clients(engine.connect, prepare, approve);
engine.install(file === undefined ? undefined : new NodeFiles(file), {
  poll: (client, request) => clients.isStopped(client, request),
  leave: (client, request) => clients.begins(client, request),
  crashed: (reason, by) => tell({ crashed: reason, by }),
});
// Errors of what the module runs on its own, when one of its promises resolves.
process.on('uncaughtException', (error) => engine.fail(error));
process.on('unhandledRejection', (error) => engine.fail(error));

parent.on('message', hear);
parent.off('message', keep);
early.forEach(hear);

function hear(message: ToWorker): void {
  if ('admit' in message) void clients.admit(message);
  else void end();
}

async function compile(wasm: string): Promise<WebAssembly.Module> {
  const compiled = await WebAssembly.compile(fs.readFileSync(wasm) as Uint8Array<ArrayBuffer>);
  tell({ compiled });
  return compiled;
}

async function end(): Promise<void> {
  await clients.close();
  lock?.release();
  process.exit(0);
}

/** Takes the lock, before anything is read. */
async function prepare(options: object, given: () => boolean): Promise<void> {
  if (lock === undefined || file === undefined) return;
  const { busyTimeout, readOnly } = options as { busyTimeout?: number; readOnly?: boolean };
  unlocked = undefined;
  try {
    await acquire(lock, file, busyTimeout ?? PATIENCE, given);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    // The engine has the error for a file that is missing or a directory.
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      unlocked = error;
      return;
    }
    const held = holderOf(lock.path);
    if (held !== undefined) throw busy(lock, file, held);
    if (readOnly === true && isReadOnly(file)) return;
    throw noLock(error);
  }
}

/** Makes sure that nobody has a file open that could not be locked. */
function approve(): void {
  if (unlocked !== undefined && lock?.isTaken !== true) throw noLock(unlocked);
}

function noLock(error: unknown): Error {
  const hint = "make its directory writable, or make the file read-only and open it with { readOnly: true }";
  return failure('CannotOpen', `no lock can be created beside ${file} (${String(error)}): ${hint}`, file);
}
