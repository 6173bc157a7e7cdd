/**
 * Where the package's other files lie: beside this one, in the ESM build and in
 * the CommonJS one. CommonJS has no `import.meta`, so the build defines
 * `import.meta.url` there as a name, and says in a banner what it is:
 * `require('node:url').pathToFileURL(__filename).href`.
 */

/** The script of a database's worker. */
export const workerScript = (): URL => new URL('./node-worker.mjs', import.meta.url);

/** The engine. */
export const wasmFile = (): URL => new URL('./ubiqlite.wasm', import.meta.url);
