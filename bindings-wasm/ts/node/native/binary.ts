import { createRequire } from 'node:module';
import { join } from 'node:path';
import { failure } from '../failure.js';
import { thisFile } from '../location.js';

/** What the native library has: see `bindings-ffi/node`. */
export interface Native {
  version(): string;
  Engine: {
    open(
      path: string,
      settings: string,
      presence: string,
      record: string,
      lock: string,
      room: Uint8Array,
      wake: () => void,
    ): Engine;
  };
  /**
   * Takes the requests between two places of the memory that was set last. If `take` is 1, writes the replies that
   * are there to the room, and returns how many bytes; negative: they found no room. `undefined`: a defect.
   */
  submit(engine: number, from: number, to: number, take: 0 | 1): number | undefined;
  /** Goes on, on a wake-up, and takes as `submit` does. */
  run(engine: number, take: 0 | 1): number | undefined;
}

/** A database of this thread in the native library. Whatever throws is a defect, and leaves it useless. */
export interface Engine {
  /** What the opening or closing has come to: `undefined` while it goes on, `''`, `'locked'`, or an error as JSON. */
  outcome(): string | undefined | null;
  /** What the library's functions know it by. */
  number(): number;
  /** Has requests read from this memory from now on. */
  setRequests(requests: Uint8Array): void;
  /** The replies that found no room. */
  rest(): Uint8Array<ArrayBuffer>;
  /** Whether the process lives on because of it. */
  hold(wanted: boolean): void;
  close(): void;
}

/** The version of this package, where it was built; a library of another one may speak otherwise. */
declare const UBIQLITE_VERSION: string;

let loaded: { native: Native } | { why: string } | undefined;

/** The native library, or why there is none here. It is looked for once. */
export function binary(): { native: Native } | { why: string } {
  return (loaded ??= load());
}

/** The native library. @throws `Unsupported` that says what to install */
export function needed(): Native {
  const found = binary();
  if ('native' in found) return found.native;
  throw failure(
    'Unsupported',
    `there is no native engine here (${found.why}): install ${platforms()
      .map((name) => `@ubiqlite/${name}`)
      .join(' or ')} in the version of ubiqlite, or open with { engine: 'wasm' }`,
  );
}

/** The names of this machine's packages, in the order in which they are tried. */
function platforms(): string[] {
  const machine = `${process.platform}-${process.arch}`;
  // What npm has installed is the right one: it knows the C library.
  if (process.platform === 'linux') return [`${machine}-gnu`, `${machine}-musl`];
  return process.platform === 'win32' ? [`${machine}-msvc`] : [machine];
}

function load(): { native: Native } | { why: string } {
  // In an ES module that it was bundled into: from there. Never from the working directory, where anybody's may lie.
  const from = typeof __filename === 'string' ? __filename : thisFile();
  if (from === undefined) return { why: 'where this script is can not be told' };
  // Not known to bundlers, which would look for all of them.
  const require = createRequire(from);
  const whys: string[] = [];
  for (const name of platforms()) {
    const places = [`@ubiqlite/${name}`];
    // A checkout has it beside this script.
    if (typeof __dirname === 'string') places.unshift(join(__dirname, `ubiqlite.${name}.node`));
    for (const place of places) {
      try {
        const native = require(place) as Native;
        const version = native.version();
        if (typeof UBIQLITE_VERSION === 'undefined' || version === UBIQLITE_VERSION) return { native };
        whys.push(`${place} is of version ${version}, and ubiqlite of ${UBIQLITE_VERSION}`);
      } catch (error) {
        const { code, message } = error as { code?: unknown; message?: unknown };
        if (code !== 'MODULE_NOT_FOUND') whys.push(`${place}: ${String(message)}`);
      }
    }
  }
  const places = platforms().map((name) => `@ubiqlite/${name}`);
  return { why: whys.length > 0 ? whys.join('; ') : `${places.join(' and ')} are not installed` };
}
