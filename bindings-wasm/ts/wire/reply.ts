import { type ErrorFields, type UbiqliteError, errorOf } from '../errors.js';
import { type Replies, type Source, sourceOf } from './letters.js';
import { malformed } from './malformed.js';
import { CONTINUES, END, FORGET, Kind } from './ops.js';
import { type Known, Rows, integer, padded } from './rows.js';
import { utf8 } from './text.js';

/** What a statement did. */
export interface Executed {
  /** Rows inserted, updated or deleted by the statement itself, not by its triggers and foreign key actions. */
  rowsChanged: number;
  /** The rowid of the row inserted last; 0 if none was. */
  lastRowId: number | bigint;
}

/** A column of a result. */
export interface Column {
  /** The name, told apart from the others': the second `id` of a join is `id:2`. */
  name: string;
  /** The type that the column's table declares, as it is written there; `null` for an expression. */
  declaredType: string | null;
}

/** All that one statement has to tell. */
export interface Ran extends Executed {
  /** The columns of the result, also where it has no rows; none for a statement that yields no rows at all. */
  columns: Column[];
}

const HEADER = 16;
/** Before the columns of a statement that was run: what it changed, and how long their text is. */
const RAN = 24;

/** A reply, whose payload is read when it is asked for. Each method throws `Internal` for bytes that are no such reply. */
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

  /** The stream is over, and its handle gone. */
  get ends(): boolean {
    return (this.source.view.getUint8(this.at + 9) & END) !== 0;
  }

  /** These are the first rows: others follow, or an error, for which they count for nothing. */
  get continues(): boolean {
    return (this.source.view.getUint8(this.at + 9) & CONTINUES) !== 0;
  }

  private get extra(): number {
    return this.source.view.getUint32(this.at + 12, true);
  }

  /** The place of the payload, which must be of this kind and at least so long. */
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

  /** The number of what the request made. */
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

  /** A primary key: one value, or the list of a composite one. */
  key(): unknown {
    const values = this.read(Kind.key).first();
    if (values === undefined) throw malformed();
    return values.length === 1 ? values[0] : values;
  }

  rows(): Rows {
    return this.read(Kind.rows);
  }

  /** All of a statement: what it did, its columns, and its rows. */
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

  /** The places of the columns' text in the payload of a statement that was run, and of its rows. */
  private told(at: number): { start: number; end: number; rows: number } {
    const start = at + RAN;
    const end = start + this.source.view.getUint32(at + 16, true);
    const rows = start + padded(end - start);
    if (rows > this.end) throw malformed();
    return { start, end, rows };
  }

  /** Remembers the column names that the reply tells, though nobody reads its rows. */
  note(): void {
    if (!tellsColumns(this.kind)) return;
    const at = this.kind === Kind.ran ? this.told(this.body(Kind.ran, RAN)).rows : this.at + HEADER;
    Rows.columns(this.source, at, this.end, this.known);
  }

  private read(kind: number): Rows {
    return Rows.read(this.source, this.body(kind, 0), this.end, this.extra, this.known);
  }
}

/** A name, and the declared type or null. */
function isColumn(column: unknown): column is [name: string, declaredType: string | null] {
  return Array.isArray(column) && typeof column[0] === 'string' && (column[1] === null || typeof column[1] === 'string');
}

function tellsColumns(kind: number): boolean {
  return kind === Kind.rows || kind === Kind.key || kind === Kind.ran;
}

/**
 * Tells each reply of a batch, in order. What is not read of it within `each` is gone.
 *
 * @throws `Internal` for bytes that are none
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
