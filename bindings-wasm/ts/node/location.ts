import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failure } from './failure.js';

const WORKER = 'node-worker.mjs';
const WASM = 'ubiqlite.wasm';

/** The folder with the worker and the engine, once it is found. */
let folder: string | undefined;

/** Returns the script of a database's worker. @throws as `wasmFile` */
export const workerScript = (): string => join(located(), WORKER);

/**
 * Returns the file of the engine.
 *
 * @throws `Unsupported` if a bundler has included the package without its files
 */
export const wasmFile = (): string => join(located(), WASM);

/**
 * Returns the folder with both files. They lie next to the package's script. A bundler
 * moves that into a file of its own: then they are next to that file, or in the package,
 * if it is installed where Node would look for it from there. The working directory is
 * not searched: its contents could be anybody's.
 */
function located(): string {
  folder ??= places().find((place) => [WORKER, WASM].every((name) => existsSync(join(place, name))));
  if (folder !== undefined) return folder;
  throw failure(
    'Unsupported',
    `${WORKER} and ${WASM} are not beside this script (${places()[0] ?? 'at an unknown place'}): keep the package out ` +
      "of the bundle (esbuild, Rollup: external: ['ubiqlite']; webpack: externals; Next.js: serverExternalPackages: " +
      "['ubiqlite']), or copy both from node_modules/ubiqlite/dist beside it",
  );
}

function places(): string[] {
  // Code bundled into an ES module has no `__dirname`.
  const own = typeof __dirname === 'string' ? [__dirname] : [];
  const scripts = [thisFile(), process.argv[1]].filter((script) => script !== undefined);
  return [...own, ...scripts.map((script) => dirname(script)), ...scripts.flatMap(installed)];
}

/** Returns the file that this code runs in, whatever it was bundled into. */
export function thisFile(): string | undefined {
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = (_, sites) => sites[0]?.getFileName();
    const name: unknown = new Error().stack;
    if (typeof name !== 'string') return undefined;
    return name.startsWith('file:') ? fileURLToPath(name) : name;
  } catch {
    return undefined;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}

/** Returns where this script would find the package. */
function installed(script: string): string[] {
  try {
    return [join(dirname(createRequire(script).resolve('ubiqlite/package.json')), 'dist')];
  } catch {
    return [];
  }
}
