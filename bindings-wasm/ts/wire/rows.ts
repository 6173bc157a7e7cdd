import type { Source } from './letters.js';
import { type Make, WORTH, making } from './make.js';
import { malformed } from './malformed.js';
import { latin1, utf8 } from './text.js';

/** What is known of all replies of an engine: the column names that it has told, by number. */
export class Known extends Map<number, Columns> {
  /** @param bigints always BigInt for INTEGER */
  constructor(readonly bigints: boolean) {
    super();
  }
}

/** What the rows of one statement look like. */
interface Columns {
  readonly names: readonly string[];
  /** A plain assignment to one of the names would set the prototype. */
  readonly unsafe: boolean;
  /** Copied for each row, so that all rows of a statement are of one hidden class. */
  readonly template: Readonly<Record<string, unknown>>;
  /** How many rows have come. */
  seen: number;
  /** Makes rows, once there were many; null where nothing does. */
  make: Make | null | undefined;
}

const NONE: Columns = { names: [], unsafe: false, template: {}, seen: 0, make: null };

/** How a cell is marked, as in core/src/row/page.rs. */
const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4, ascii: 5 } as const;
const CELL = 16;
/** A heap beyond this holds more than short texts, and is not decoded for one of them. */
const LARGE = 1 << 18;
/** The one number of 54 bits below the safe ones. */
const UNSAFE = -(2 ** 53);

/** The columns of names that are told as a JSON array. */
function columnsOf({ bytes }: Source, start: number, end: number): Columns {
  let names: unknown;
  try {
    names = JSON.parse(utf8(bytes, start, end) ?? '');
  } catch {
    throw malformed();
  }
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) throw malformed();
  // What JSON makes has room for just these properties: added one by one, those past
  // the fourth would be in a second object for each row.
  const template = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:null`).join()}}`);
  const unsafe = names.includes('__proto__');
  return { names, template, unsafe, seen: 0, make: unsafe ? null : undefined };
}

function define(row: object, name: string, value: unknown): void {
  Object.defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
}

/** A page of rows, whose place and size have been checked. */
class Page {
  readonly rows: number;
  /** The place of what follows the page. */
  readonly next: number;
  private readonly cells: number;
  private readonly heap: number;
  private readonly heapSize: number;
  /** All of its text is ASCII. */
  private readonly ascii: boolean;
  private text: string | undefined;

  /**
   * @param at where it begins
   * @param end what is no longer of the reply
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
    // Rows without columns would be as many as a number can say.
    if (this.next > end || (width === 0 && this.rows > 0)) throw malformed();
  }

  /** The first row as an object. */
  object(): unknown {
    this.count(1);
    return this.objectAt(this.cells);
  }

  /** The row whose cells begin at this place. */
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

  /** So many more rows are made: many enough pay for a function that makes them. */
  private count(rows: number): void {
    const { columns } = this;
    columns.seen += rows;
    if (columns.make === undefined && columns.seen >= WORTH) columns.make = making.by?.(columns.names, CELL) ?? null;
  }

  /** The cells of a row, in order. */
  values(row: number): unknown[] {
    const width = this.columns.names.length;
    const first = this.cells + row * width * CELL;
    const values = new Array<unknown>(width);
    for (let column = 0; column < width; column += 1) values[column] = this.cell(first + column * CELL);
    return values;
  }

  /** The first cell of the first row. */
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

  /** A text of ASCII. */
  private plain(at: number): string {
    const start = this.start(at);
    const end = start + this.source.view.getUint32(at + 4, true);
    const { letters } = this.source;
    if (letters !== undefined) return letters.slice(this.heap + start, this.heap + end);
    if (this.heapSize > LARGE) return latin1(this.source.bytes, this.heap + start, this.heap + end);
    // Cuts out of one text cost less than a call of a decoder for each.
    this.text ??= latin1(this.source.bytes, this.heap, this.heap + this.heapSize);
    return this.text.slice(start, end);
  }

  /** A text that is not all ASCII. Bytes that are no text stay bytes: nothing is changed silently. */
  private wide(at: number): string | Uint8Array {
    const from = this.heap + this.start(at);
    const to = from + this.source.view.getUint32(at + 4, true);
    return utf8(this.source.bytes, from, to) ?? this.source.bytes.slice(from, to);
  }

  /** Where in the heap a text or blob begins. */
  private start(at: number): number {
    const { view } = this.source;
    const start = view.getUint32(at + 8, true);
    if (start + view.getUint32(at + 4, true) > this.heapSize) throw malformed();
    return start;
  }
}

/** The rows of one reply, decoded when they are asked for. */
export class Rows {
  private constructor(private readonly pages: readonly Page[]) {}

  /** Reads the payload of a reply of `count` pages that lies from `at` to `end`. */
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

  /** Reads only the column names, which are told once and which later replies rely on. */
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

  /** The rows as objects by column name, after those of the reply's other parts. */
  objects<T>(rows: T[] = []): T[] {
    for (const page of this.pages) page.readInto(rows);
    return rows;
  }

  /** The rows as lists of their values in order, after those of the reply's other parts. */
  lists<T>(rows: T[] = []): T[] {
    for (const page of this.pages) {
      for (let row = 0; row < page.rows; row += 1) rows.push(page.values(row) as T);
    }
    return rows;
  }

  /** The first row as an object, if there is one. */
  object(): unknown {
    return this.pages.find(({ rows }) => rows > 0)?.object();
  }

  /** The values of the first row, if there is one. */
  first(): unknown[] | undefined {
    return this.pages.find(({ rows }) => rows > 0)?.values(0);
  }

  /** The first value of the first row, if there is one. */
  value(): unknown {
    return this.pages.find(({ rows }) => rows > 0)?.value();
  }
}

export function padded(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** A 64-bit integer: a number where that is exact. */
export function integer(view: DataView, at: number): number | bigint {
  const high = view.getInt32(at + 4, true);
  if (high >= -0x200000 && high < 0x200000) {
    const value = high * 4294967296 + view.getUint32(at, true);
    if (value !== UNSAFE) return value;
  }
  return view.getBigInt64(at, true);
}
