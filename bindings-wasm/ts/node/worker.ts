/**
 * The worker that has one database file open, or databases in memory, and serves
 * the clients of the thread that started it.
 */
import * as fs from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { load } from '../engine/serve.js';
import { PATIENCE, acquire, busy } from './acquire.js';
import { Clients } from './clients.js';
import { failure, systemCode } from './failure.js';
import { NodeFiles } from './files.js';
import { Lock, holderOf, lockOf } from './lock.js';
import type { FromWorker, Start, ToWorker } from './protocol.js';
import { isStopped } from './stop.js';

const { file, token, wasm, stops } = workerData as Start;
const parent = parentPort as MessagePort;
const lock = file === undefined ? undefined : new Lock(lockOf(file), token);
/** Why there is no lock, if nothing could be locked. */
let unlocked: unknown;

const tell = (message: FromWorker): void => parent.postMessage(message);

const engine = await load(typeof wasm === 'string' ? await compile(wasm) : wasm);
engine.install(file === undefined ? undefined : new NodeFiles(), {
  poll: (client, request) => isStopped(stops, client, request),
  crashed: (reason) => tell({ crashed: reason }),
});
const clients = new Clients(engine.connect, stops, prepare, approve);

parent.on('message', (message: ToWorker) => {
  if ('admit' in message) void clients.admit(message);
  else void end();
});

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
    // The engine has the words for what is missing or a directory.
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

/** Nobody has a file open that could not be locked. */
function approve(): void {
  if (unlocked !== undefined && lock?.isTaken !== true) throw noLock(unlocked);
}

function noLock(error: unknown): Error {
  const hint = "make its directory writable, or make the file read-only and open it with { readOnly: true }";
  return failure('CannotOpen', `no lock can be made beside ${file} (${String(error)}): ${hint}`, file);
}

/** Whether nobody of our kind can change the file. */
function isReadOnly(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.W_OK);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '');
  }
}
