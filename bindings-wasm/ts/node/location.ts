import { join } from 'node:path';

// The package's one script for Node is CommonJS, whichever way it is loaded.

/** The script of a database's worker, beside this one. */
export const workerScript = (): string => join(__dirname, 'node-worker.mjs');

/** The engine, beside this script. */
export const wasmFile = (): string => join(__dirname, 'ubiqlite.wasm');
