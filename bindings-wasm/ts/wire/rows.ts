import type { Source } from './latin1.js';
import { type Make, WORTH, making } from './make.js';
import { malformed } from './malformed.js';
import { latin1, utf8 } from './text.js';

/** What is known across all replies of an engine: the column names that it has sent, by number. */
export class Known extends Map<number, Columns> {
  /** @param bigints whether every INTEGER is a BigInt */
  constructor(readonly bigints: boolean) {
    super();
  }
}

/** The form of the rows of one statement. */
interface Columns {
  readonly names: readonly string[];
  /** Whether a plain assignment to one of the names would set the prototype. */
  readonly unsafe: boolean;
  /** Copied for each row, so that all rows of a statement share one hidden class. */
  readonly template: Readonly<Record<string, unknown>>;
  /** How many rows there have been. */
  seen: number;
  /** Makes rows once there have been many; null if nothing can. */
  make: Make | null | undefined;
}

const NONE: Columns = { names: [], unsafe: false, template: {}, seen: 0, make: null };

/** How a cell is marked, as in core/src/row/page.rs. */
const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4, ascii: 5 } as const;
const CELL = 16;
/** A heap larger than this holds more than short texts, and is not decoded for the sake of one text. */
const LARGE = 1 << 18;
/** The one 54-bit number below the safe ones. */
const UNSAFE = -(2 ** 53);

/** Returns the columns whose names are given as a JSON array. */
function columnsOf({ bytes }: Source, start: number, end: number): Columns {
  let names: unknown;
  try {
    names = JSON.parse(utf8(bytes, start, end) ?? '');
  } catch {
    throw malformed();
  }
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) throw malformed();
  // An object made by JSON has room for exactly these properties. If they were added one by
  // one, those after the fourth would be in a second object per row.
  const template = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:null`).join()}}`);
  const unsafe = names.includes('__proto__');
  return { names, template, unsafe, seen: 0, make: unsafe ? null : undefined };
}

function define(row: object, name: string, value: unknown): void {
  Object.defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
}

/** A page of rows, whose offset and size have been checked. */
class Page {
  readonly rows: number;
  /** The offset after the page. */
  readonly next: number;
  private readonly cells: number;
  private readonly heap: number;
  private readonly heapSize: number;
  /** Whether all of its text is ASCII. */
  private readonly ascii: boolean;
  private text: string | undefined;

  /**
   * @param at where the page begins
   * @param end where the reply ends
   */
  constructor(
    private readonly source: Source,
    private readonly columns: Columns,
    private readonly bigints: boolean,
    at: number,
    end: number,
  ) {
    if (at + 16 > end) throw malformed();
    const { view } = source;
    const width = columns.names.length;
    this.rows = view.getUint32(at, true);
    this.heapSize = view.getUint32(at + 4, true);
    this.ascii = view.getUint32(at + 8, true) !== 0;
    this.cells = at + 16;
    this.heap = this.cells + this.rows * width * CELL;
    this.next = Math.ceil((this.heap + this.heapSize) / 8) * 8;
    // Without columns, nothing would limit the number of rows.
    if (this.next > end || (width === 0 && this.rows > 0)) throw malformed();
  }

  /** Returns the first row as an object. */
  object(): unknown {
    this.count(1);
    return this.objectAt(this.cells);
  }

  /** Returns the row whose cells begin at this offset. */
  private objectAt(at: number): unknown {
    const { names, template, unsafe, make } = this.columns;
    if (make) return make(this, at);
    const width = names.length;
    const made: Record<string, unknown> = unsafe ? {} : { ...template };
    for (let column = 0, cell = at; column < width; column += 1, cell += CELL) {
      if (unsafe) define(made, names[column], this.cell(cell));
      else made[names[column]] = this.cell(cell);
    }
    return made;
  }

  /** Adds all rows as objects. */
  readInto(rows: unknown[]): void {
    this.count(this.rows);
    const size = this.columns.names.length * CELL;
    for (let row = 0, cell = this.cells; row < this.rows; row += 1, cell += size) rows.push(this.objectAt(cell));
  }

  /** Counts `rows` more rows. Once there are enough, a function that makes them pays off. */
  private count(rows: number): void {
    const { columns } = this;
    columns.seen += rows;
    if (columns.make === undefined && columns.seen >= WORTH) columns.make = making.by?.(columns.names, CELL) ?? null;
  }

  /** Returns the cells of a row, in order. */
  values(row: number): unknown[] {
    const width = this.columns.names.length;
    const first = this.cells + row * width * CELL;
    const values = new Array<unknown>(width);
    for (let column = 0; column < width; column += 1) values[column] = this.cell(first + column * CELL);
    return values;
  }

  /** Returns the first cell of the first row. */
  value(): unknown {
    return this.cell(this.cells);
  }

  cell(at: number): unknown {
    const { view } = this.source;
    switch (view.getUint32(at, true)) {
      case TAG.null:
        return null;
      case TAG.integer:
        return this.bigints ? view.getBigInt64(at + 8, true) : integer(view, at + 8);
      case TAG.real:
        return view.getFloat64(at + 8, true);
      case TAG.text:
        return this.ascii ? this.plain(at) : this.wide(at);
      case TAG.blob: {
        const start = this.start(at);
        return this.source.bytes.slice(this.heap + start, this.heap + start + view.getUint32(at + 4, true));
      }
      case TAG.ascii:
        return this.plain(at);
      default:
        throw malformed();
    }
  }

  /** Returns an ASCII text. */
  private plain(at: number): string {
    const start = this.start(at);
    const end = start + this.source.view.getUint32(at + 4, true);
    const { text } = this.source;
    if (text !== undefined) return text.slice(this.heap + start, this.heap + end);
    if (this.heapSize > LARGE) return latin1(this.source.bytes, this.heap + start, this.heap + end);
    // Slicing one text costs less than calling a decoder for each.
    this.text ??= latin1(this.source.bytes, this.heap, this.heap + this.heapSize);
    return this.text.slice(start, end);
  }

  /** Returns a text that is not all ASCII. Bytes that are not text stay bytes: nothing is changed silently. */
  private wide(at: number): string | Uint8Array {
    const from = this.heap + this.start(at);
    const to = from + this.source.view.getUint32(at + 4, true);
    return utf8(this.source.bytes, from, to) ?? this.source.bytes.slice(from, to);
  }

  /** Returns where in the heap a text or blob begins. */
  private start(at: number): number {
    const { view } = this.source;
    const start = view.getUint32(at + 8, true);
    if (start + view.getUint32(at + 4, true) > this.heapSize) throw malformed();
    return start;
  }
}

/** The rows of one reply, decoded on request. */
export class Rows {
  private constructor(private readonly pages: readonly Page[]) {}

  /** Reads the payload of a reply with `count` pages, from `at` to `end`. */
  static read(source: Source, at: number, end: number, count: number, known: Known): Rows {
    const columns = Rows.columns(source, at, end, known);
    const pages: Page[] = [];
    let place = at + 16 + padded(source.view.getUint32(at + 8, true));
    for (let index = 0; index < count; index += 1) {
      const page = new Page(source, columns, known.bigints, place, end);
      pages.push(page);
      place = page.next;
    }
    return new Rows(pages);
  }

  /** Reads only the column names, which are sent once and which later replies depend on. */
  static columns(source: Source, at: number, end: number, known: Known): Columns {
    const { view } = source;
    if (at + 16 > end) throw malformed();
    const id = view.getUint32(at, true);
    const width = view.getUint32(at + 4, true);
    const told = view.getUint32(at + 8, true);
    if (at + 16 + padded(told) > end) throw malformed();
    if (told > 0) known.set(id, columnsOf(source, at + 16, at + 16 + told));
    const columns = width === 0 ? NONE : known.get(id);
    if (columns === undefined || columns.names.length !== width) throw malformed();
    return columns;
  }

  /** Returns the rows as objects by column name, after those of the reply's earlier parts. */
  objects<T>(rows: T[] = []): T[] {
    for (const page of this.pages) page.readInto(rows);
    return rows;
  }

  /** Returns the rows as lists of their values in order, after those of the reply's earlier parts. */
  lists<T>(rows: T[] = []): T[] {
    for (const page of this.pages) {
      for (let row = 0; row < page.rows; row += 1) rows.push(page.values(row) as T);
    }
    return rows;
  }

  /** Returns the first row as an object, if there is one. */
  object(): unknown {
    return this.pages.find(({ rows }) => rows > 0)?.object();
  }

  /** Returns the values of the first row, if there is one. */
  first(): unknown[] | undefined {
    return this.pages.find(({ rows }) => rows > 0)?.values(0);
  }

  /** Returns the first value of the first row, if there is one. */
  value(): unknown {
    return this.pages.find(({ rows }) => rows > 0)?.value();
  }
}

export function padded(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Reads a 64-bit integer, as a number if that is exact. */
export function integer(view: DataView, at: number): number | bigint {
  const high = view.getInt32(at + 4, true);
  if (high >= -0x200000 && high < 0x200000) {
    const value = high * 4294967296 + view.getUint32(at, true);
    if (value !== UNSAFE) return value;
  }
  return view.getBigInt64(at, true);
}
