import { type ErrorFields, type UbiqliteError, errorOf } from '../errors.js';
import { type Replies, type Source, sourceOf } from './latin1.js';
import { malformed } from './malformed.js';
import { CONTINUES, END, FORGET, Kind } from './ops.js';
import { type Known, Rows, integer, padded } from './rows.js';
import { utf8 } from './text.js';

/** What a statement did. */
export interface Executed {
  /** Rows inserted, updated or deleted by the statement itself, not by its triggers and foreign key actions. */
  rowsChanged: number;
  /** The rowid of the last inserted row; 0 if there is none. */
  lastRowId: number | bigint;
}

/** A column of a result. */
export interface Column {
  /** The name, made unique: the second `id` of a join is `id:2`. */
  name: string;
  /** The type as written in the declaration of the column's table; `null` for an expression. */
  declaredType: string | null;
}

/** Everything that one statement reports. */
export interface Ran extends Executed {
  /** The columns of the result, even if it has no rows. Empty for a statement that yields no rows at all. */
  columns: Column[];
}

const HEADER = 16;
/** What precedes the columns in the reply to `run`: what the statement changed, and the length of their text. */
const RAN = 24;

/** A reply, whose payload is read on request. Each method throws `Internal` for bytes that are not such a reply. */
export class Reply {
  constructor(
    private readonly source: Source,
    private readonly at: number,
    private readonly end: number,
    private readonly known: Known,
  ) {}

  get id(): number {
    return this.source.view.getUint32(this.at + 4, true);
  }

  get kind(): number {
    return this.source.view.getUint8(this.at + 8);
  }

  /** Whether the stream is over, and its handle gone. */
  get ends(): boolean {
    return (this.source.view.getUint8(this.at + 9) & END) !== 0;
  }

  /** Whether more follows: further rows, or an error, which voids these. */
  get continues(): boolean {
    return (this.source.view.getUint8(this.at + 9) & CONTINUES) !== 0;
  }

  private get extra(): number {
    return this.source.view.getUint32(this.at + 12, true);
  }

  /** Returns the offset of the payload, which must be of this kind and have at least `size` bytes. */
  private body(kind: number, size: number): number {
    const body = this.at + HEADER;
    if (this.kind !== kind || body + size > this.end) throw malformed();
    return body;
  }

  error(): UbiqliteError {
    const { extra } = this;
    const body = this.body(Kind.error, extra);
    let fields: unknown;
    try {
      fields = JSON.parse(utf8(this.source.bytes, body, body + extra) ?? '');
    } catch {
      return malformed();
    }
    const { kind, message } = (fields ?? {}) as Partial<ErrorFields>;
    return typeof kind === 'string' && typeof message === 'string' ? errorOf(fields as ErrorFields) : malformed();
  }

  done(): void {
    this.body(Kind.done, 0);
  }

  /** Returns the number of the handle that the request made. */
  handle(): number {
    this.body(Kind.handle, 0);
    return this.extra;
  }

  executed(): Executed {
    return this.executedAt(this.body(Kind.executed, 16));
  }

  executedList(): Executed[] {
    const { extra } = this;
    const body = this.body(Kind.executedList, 16 * extra);
    return Array.from({ length: extra }, (_, index) => this.executedAt(body + 16 * index));
  }

  private executedAt(at: number): Executed {
    const { view } = this.source;
    return {
      rowsChanged: Number(integer(view, at)),
      lastRowId: this.known.bigints ? view.getBigInt64(at + 8, true) : integer(view, at + 8),
    };
  }

  count(): number {
    return Number(integer(this.source.view, this.body(Kind.count, 8)));
  }

  bool(): boolean {
    this.body(Kind.bool, 0);
    return this.extra !== 0;
  }

  bits(): number {
    this.body(Kind.bits, 0);
    return this.extra;
  }

  /** Returns a primary key: one value, or a list for a composite key. */
  key(): unknown {
    const values = this.read(Kind.key).first();
    if (values === undefined) throw malformed();
    return values.length === 1 ? values[0] : values;
  }

  rows(): Rows {
    return this.read(Kind.rows);
  }

  /** Returns everything about a statement: what it did, its columns, and its rows. */
  ran(): { ran: Ran; rows: Rows } {
    const at = this.body(Kind.ran, RAN);
    const { start, end, rows } = this.told(at);
    let columns: unknown;
    try {
      columns = JSON.parse(utf8(this.source.bytes, start, end) ?? '');
    } catch {
      throw malformed();
    }
    if (!Array.isArray(columns) || !columns.every(isColumn)) throw malformed();
    const ran = {
      columns: columns.map(([name, declaredType]) => ({ name, declaredType })),
      ...this.executedAt(at),
    };
    return { ran, rows: Rows.read(this.source, rows, this.end, this.extra, this.known) };
  }

  /** Returns the offsets of the columns' text and of the rows in the reply to `run`. */
  private told(at: number): { start: number; end: number; rows: number } {
    const start = at + RAN;
    const end = start + this.source.view.getUint32(at + 16, true);
    const rows = start + padded(end - start);
    if (rows > this.end) throw malformed();
    return { start, end, rows };
  }

  /** Remembers the column names in the reply, even if nobody reads its rows. */
  note(): void {
    if (!tellsColumns(this.kind)) return;
    const at = this.kind === Kind.ran ? this.told(this.body(Kind.ran, RAN)).rows : this.at + HEADER;
    Rows.columns(this.source, at, this.end, this.known);
  }

  private read(kind: number): Rows {
    return Rows.read(this.source, this.body(kind, 0), this.end, this.extra, this.known);
  }
}

/** Whether it is a name with its declared type or null. */
function isColumn(column: unknown): column is [name: string, declaredType: string | null] {
  return Array.isArray(column) && typeof column[0] === 'string' && (column[1] === null || typeof column[1] === 'string');
}

function tellsColumns(kind: number): boolean {
  return kind === Kind.rows || kind === Kind.key || kind === Kind.ran;
}

/**
 * Passes each reply of a batch to `each`, in order. Whatever `each` does not read is lost.
 *
 * @throws `Internal` for bytes that are not replies
 */
export function readReplies(batch: Replies, known: Known, each: (reply: Reply) => void): void {
  const source = sourceOf(batch);
  const { view, size } = source;
  for (let at = 0; at < size; ) {
    const length = at + HEADER <= size ? view.getUint32(at, true) : 0;
    if (length < HEADER || length % 8 !== 0 || at + length > size) throw malformed();
    const kind = view.getUint8(at + 8);
    if (tellsColumns(kind) && (view.getUint8(at + 9) & FORGET) !== 0) known.clear();
    each(new Reply(source, at, at + length, known));
    at += length;
  }
}
