import { type ErrorFields, type UbiqliteError, errorOf } from '../errors.js';
import { type Replies, type Source, sourceOf } from './letters.js';
import { malformed } from './malformed.js';
import { CONTINUES, END, FORGET, Kind } from './ops.js';
import { type Known, Rows, integer } from './rows.js';
import { utf8 } from './text.js';

/** What a statement did. */
export interface Executed {
  /** Rows inserted, updated or deleted by the statement itself, not by its triggers and foreign key actions. */
  rowsChanged: number;
  /** The rowid of the row inserted last; 0 if none was. */
  lastRowId: number | bigint;
}

const HEADER = 16;

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

  executed(bigints: boolean): Executed {
    return this.executedAt(this.body(Kind.executed, 16), bigints);
  }

  executedList(bigints: boolean): Executed[] {
    const { extra } = this;
    const body = this.body(Kind.executedList, 16 * extra);
    return Array.from({ length: extra }, (_, index) => this.executedAt(body + 16 * index, bigints));
  }

  private executedAt(at: number, bigints: boolean): Executed {
    const { view } = this.source;
    return {
      rowsChanged: Number(integer(view, at)),
      lastRowId: bigints ? view.getBigInt64(at + 8, true) : integer(view, at + 8),
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
  key(bigints: boolean): unknown {
    const values = this.read(Kind.key, bigints).first();
    if (values === undefined) throw malformed();
    return values.length === 1 ? values[0] : values;
  }

  rows(bigints: boolean): Rows {
    return this.read(Kind.rows, bigints);
  }

  /** Remembers the column names that the reply tells, though nobody reads its rows. */
  note(): void {
    if (this.kind === Kind.rows || this.kind === Kind.key) Rows.columns(this.source, this.at + HEADER, this.end, this.known);
  }

  private read(kind: number, bigints: boolean): Rows {
    return Rows.read(this.source, this.body(kind, 0), this.end, this.extra, this.known, bigints);
  }
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
    if ((kind === Kind.rows || kind === Kind.key) && (view.getUint8(at + 9) & FORGET) !== 0) known.clear();
    each(new Reply(source, at, at + length, known));
    at += length;
  }
}
