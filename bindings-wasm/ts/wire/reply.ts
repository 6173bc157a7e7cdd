import { type ErrorFields, type UbiqliteError, errorOf } from '../errors.js';
import { END, FORGET, Kind } from './ops.js';
import { type Known, Rows } from './rows.js';

/** What a statement did. */
export interface Executed {
  /** Rows inserted, updated or deleted by the statement itself, not by its triggers and foreign key actions. */
  rowsChanged: number;
  /** The rowid of the row inserted last; 0 if none was. */
  lastRowId: number | bigint;
}

/** A reply, whose payload is read when it is asked for. */
export class Reply {
  constructor(
    private readonly buffer: ArrayBuffer,
    private readonly view: DataView,
    private readonly at: number,
    private readonly end: number,
    private readonly known: Known,
  ) {}

  get id(): number {
    return this.view.getUint32(this.at + 4, true);
  }

  get kind(): number {
    return this.view.getUint8(this.at + 8);
  }

  /** The stream is over, and its handle gone. */
  get ends(): boolean {
    return (this.view.getUint8(this.at + 9) & END) !== 0;
  }

  get extra(): number {
    return this.view.getUint32(this.at + 12, true);
  }

  private expect(kind: number): void {
    if (this.kind !== kind) throw unexpected(this.kind);
  }

  error(): UbiqliteError {
    const bytes = new Uint8Array(this.buffer, this.at + 16, Math.min(this.extra, this.end - this.at - 16));
    return errorOf(JSON.parse(new TextDecoder().decode(bytes)) as ErrorFields);
  }

  executed(bigints: boolean): Executed {
    this.expect(Kind.executed);
    return this.executedAt(this.at + 16, bigints);
  }

  executedList(bigints: boolean): Executed[] {
    this.expect(Kind.executedList);
    if (this.at + 16 + this.extra * 16 > this.end) throw unexpected(this.kind);
    return Array.from({ length: this.extra }, (_, index) => this.executedAt(this.at + 16 + index * 16, bigints));
  }

  private executedAt(at: number, bigints: boolean): Executed {
    const id = this.view.getBigInt64(at + 8, true);
    return { rowsChanged: Number(this.view.getBigInt64(at, true)), lastRowId: bigints || !isSafe(id) ? id : Number(id) };
  }

  count(): number {
    this.expect(Kind.count);
    return Number(this.view.getBigInt64(this.at + 16, true));
  }

  bool(): boolean {
    this.expect(Kind.bool);
    return this.extra !== 0;
  }

  bits(): number {
    this.expect(Kind.bits);
    return this.extra;
  }

  /** A primary key: one value, or the list of a composite one. */
  key(bigints: boolean): unknown {
    this.expect(Kind.key);
    const values = this.read(bigints).first() ?? [];
    return values.length === 1 ? values[0] : values;
  }

  rows(bigints: boolean): Rows {
    this.expect(Kind.rows);
    return this.read(bigints);
  }

  /** Remembers the column names that the reply tells, though nobody reads its rows. */
  note(): void {
    if (this.kind === Kind.rows || this.kind === Kind.key) this.read(false);
  }

  private read(bigints: boolean): Rows {
    return Rows.read(this.buffer, this.at + 16, this.end, this.extra, this.known, bigints);
  }
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

function unexpected(kind: number): Error {
  return errorOf({ kind: 'Internal', message: `the engine answered something else than was asked for (${kind})` });
}

/** The replies of a batch, in order. @throws InternalError for bytes that are none */
export function* replies(buffer: ArrayBuffer, known: Known): Generator<Reply> {
  const view = new DataView(buffer);
  for (let at = 0; at < buffer.byteLength; ) {
    const length = at + 16 <= buffer.byteLength ? view.getUint32(at, true) : 0;
    if (length < 16 || length % 8 !== 0 || at + length > buffer.byteLength) {
      throw errorOf({ kind: 'Internal', message: 'a batch of replies is malformed' });
    }
    const flags = view.getUint8(at + 9);
    const kind = view.getUint8(at + 8);
    if ((kind === Kind.rows || kind === Kind.key) && (flags & FORGET) !== 0) known.clear();
    yield new Reply(buffer, view, at, at + length, known);
    at += length;
  }
}
