import { createRequire } from 'node:module';
import { join } from 'node:path';
import { failure } from '../failure.js';
import { thisFile } from '../location.js';

/** The interface of the native library: see `bindings-ffi/node`. */
export interface Native {
  version(): string;
  /** Runs the shell on the standard streams of this process, and returns its exit code when it is left. */
  shell(args: string[]): number;
  Engine: {
    open(
      path: string,
      settings: string,
      presence: string,
      record: string,
      lock: string,
      room: Uint8Array,
      wake: () => void,
    ): NativeEngine;
  };
  /**
   * Takes the requests between two offsets of the memory that was set last. If `take` is 1, writes the available
   * replies to the room and returns their size in bytes; negative: they did not fit. `undefined`: a defect.
   */
  submit(engine: number, from: number, to: number, take: 0 | 1): number | undefined;
  /** Continues after a wake-up, and takes replies as `submit` does. */
  run(engine: number, take: 0 | 1): number | undefined;
}

/** A database of this thread in the native library. Any exception is a defect, and leaves it unusable. */
export interface NativeEngine {
  /** Returns how the opening or closing ended: `undefined` if it has not, `''`, `'locked'`, or an error as JSON. */
  outcome(): string | undefined | null;
  /** The number that identifies it to the library's functions. */
  number(): number;
  /** Sets the memory that requests are read from, from now on. */
  setRequests(requests: Uint8Array): void;
  /** Returns the replies that did not fit in the room. */
  rest(): Uint8Array<ArrayBuffer>;
  /** Sets whether it keeps the process alive. */
  hold(wanted: boolean): void;
  close(): void;
}

/** The version of this package, if it was built. A library of another version may have another interface. */
declare const UBIQLITE_VERSION: string;

let loaded: { native: Native } | { why: string } | undefined;

/** Returns the native library, or why there is none here. It is looked for once. */
export function binary(): { native: Native } | { why: string } {
  return (loaded ??= load());
}

/** Returns the native library. @throws `Unsupported` that says what to install */
export function needed(): Native {
  const found = binary();
  if ('native' in found) return found.native;
  throw failure(
    'Unsupported',
    `there is no native engine here (${found.why}): install ${platforms()
      .map((name) => `@ubiqlite/${name}`)
      .join(' or ')} in the same version as ubiqlite, or open with { engine: 'wasm' }`,
  );
}

/** Returns the names of this machine's packages, in the order in which they are tried. */
export function platforms(): string[] {
  const machine = `${process.platform}-${process.arch}`;
  // The one that npm has installed is right: npm knows the C library.
  if (process.platform === 'linux') return [`${machine}-gnu`, `${machine}-musl`];
  return process.platform === 'win32' ? [`${machine}-msvc`] : [machine];
}

function load(): { native: Native } | { why: string } {
  // If bundled into an ES module, from that file. Never from the working directory, whose contents could be anybody's.
  const from = typeof __filename === 'string' ? __filename : thisFile();
  if (from === undefined) return { why: 'the location of this script is not known' };
  // Hidden from bundlers, which would look for all of them.
  const require = createRequire(from);
  const whys: string[] = [];
  for (const name of platforms()) {
    const places = [`@ubiqlite/${name}`];
    // A checkout has it next to this script.
    if (typeof __dirname === 'string') places.unshift(join(__dirname, `ubiqlite.${name}.node`));
    for (const place of places) {
      try {
        const native = require(place) as Native;
        const version = native.version();
        if (typeof UBIQLITE_VERSION === 'undefined' || version === UBIQLITE_VERSION) return { native };
        whys.push(`${place} has version ${version}, but ubiqlite has ${UBIQLITE_VERSION}`);
      } catch (error) {
        const { code, message } = error as { code?: unknown; message?: unknown };
        if (code !== 'MODULE_NOT_FOUND') whys.push(`${place}: ${String(message)}`);
      }
    }
  }
  const places = platforms().map((name) => `@ubiqlite/${name}`);
  return { why: whys.length > 0 ? whys.join('; ') : `${places.join(' and ')} are not installed` };
}
