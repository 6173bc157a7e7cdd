import { errorOf } from '../errors.js';

/** The column names that the engine has told, by number. */
export type Known = Map<number, readonly string[]>;

const TEXT = 3;
const BLOB = 4;
const ASCII = 5;
const CELL = 16;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder('latin1');

/** A whole heap of ASCII at once: cutting a text out of it costs far less than a decoder's call. */
const asciiText: (bytes: Uint8Array) => string =
  typeof Buffer === 'function' && typeof Buffer.prototype.latin1Slice === 'function'
    ? (bytes) => Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length)
    : (bytes) => latin1.decode(bytes);

/** A column's values, read from a page. */
class Page {
  readonly count: number;
  private readonly words: Int32Array;
  private readonly reals: Float64Array;
  private readonly heap: Uint8Array;
  private ascii: string | undefined;

  constructor(buffer: ArrayBuffer, start: number, rows: number, columns: number, heap: number, private readonly bigints: boolean) {
    this.count = rows;
    const cells = rows * columns * CELL;
    this.words = new Int32Array(buffer, start, cells / 4);
    this.reals = new Float64Array(buffer, start, cells / 8);
    this.heap = new Uint8Array(buffer, start + cells, heap);
  }

  value(cell: number): unknown {
    const at = cell * 4;
    switch (this.words[at]) {
      case 0:
        return null;
      case 1: {
        const low = this.words[at + 2];
        const high = this.words[at + 3];
        if (this.bigints) return (BigInt(high) << 32n) | BigInt(low >>> 0);
        // From -(2^53 - 1) to 2^53 - 1 a number is exact.
        if (high >= -2097152 && high < 2097152 && !(high === -2097152 && low === 0)) {
          return high * 4294967296 + (low >>> 0);
        }
        return (BigInt(high) << 32n) | BigInt(low >>> 0);
      }
      case 2:
        return this.reals[cell * 2 + 1];
      case ASCII: {
        const start = this.words[at + 2];
        this.ascii ??= asciiText(this.heap);
        return this.ascii.substring(start, start + this.words[at + 1]);
      }
      case TEXT: {
        const start = this.words[at + 2] >>> 0;
        const bytes = this.heap.subarray(start, start + (this.words[at + 1] >>> 0));
        try {
          return decoder.decode(bytes);
        } catch {
          // A database may hold text that is no UTF-8: its bytes, unchanged.
          return bytes.slice();
        }
      }
      case BLOB: {
        const start = this.words[at + 2] >>> 0;
        return this.heap.slice(start, start + (this.words[at + 1] >>> 0));
      }
      default:
        throw malformed();
    }
  }
}

function malformed(): Error {
  return errorOf({ kind: 'Internal', message: 'a reply of the engine is malformed' });
}

/** The rows of one reply, decoded when they are asked for. */
export class Rows {
  /** How many rows there are. */
  readonly length: number;

  private constructor(
    readonly columns: readonly string[],
    private readonly pages: readonly Page[],
  ) {
    this.length = pages.reduce((sum, page) => sum + page.count, 0);
  }

  /** Reads the payload of a reply of `count` pages that lies from `at` to `end`. */
  static read(buffer: ArrayBuffer, at: number, end: number, count: number, known: Known, bigints: boolean): Rows {
    const words = new Uint32Array(buffer, 0, end / 4);
    const word = (place: number): number => {
      if (place + 4 > end) throw malformed();
      return words[place / 4];
    };
    const id = word(at);
    const width = word(at + 4);
    const told = word(at + 8);
    let place = at + 16;
    let columns: readonly string[] = [];
    if (told > 0) {
      if (place + told > end) throw malformed();
      columns = JSON.parse(decoder.decode(new Uint8Array(buffer, place, told))) as string[];
      known.set(id, columns);
      place += (told + 7) & ~7;
    } else if (width > 0) {
      columns = known.get(id) ?? [];
    }
    if (columns.length !== width) throw malformed();
    const pages: Page[] = [];
    for (let index = 0; index < count; index++) {
      const rows = word(place);
      const heap = word(place + 4);
      const start = place + 16;
      const next = start + rows * width * CELL + heap;
      if (next > end) throw malformed();
      pages.push(new Page(buffer, start, rows, width, heap, bigints));
      place = (next + 7) & ~7;
    }
    return new Rows(columns, pages);
  }

  /** The rows as objects by column name. */
  objects<T>(): T[] {
    const rows: T[] = new Array(this.length);
    let filled = 0;
    const { columns } = this;
    const width = columns.length;
    // A plain assignment to this name would set the prototype.
    const odd = columns.includes('__proto__');
    for (const page of this.pages) {
      let cell = 0;
      for (let row = 0; row < page.count; row++) {
        const object: Record<string, unknown> = {};
        for (let column = 0; column < width; column++) {
          const value = page.value(cell++);
          if (odd && columns[column] === '__proto__') {
            Object.defineProperty(object, '__proto__', { value, enumerable: true, writable: true, configurable: true });
          } else {
            object[columns[column]] = value;
          }
        }
        rows[filled++] = object as T;
      }
    }
    return rows;
  }

  /** The values of the first row, if there is one. */
  first(): unknown[] | undefined {
    const page = this.pages.find(({ count }) => count > 0);
    return page && this.columns.map((_, column) => page.value(column));
  }
}
