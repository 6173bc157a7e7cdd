import { type ErrorFields, type UbiqliteError, errorOf } from '../errors.js';
import { type Replies, type Source, sourceOf } from './latin1.js';
import { malformed } from './malformed.js';
import { CONTINUES, END, FORGET, Kind, WHOLE } from './ops.js';
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

/** A result of a watch, as what differs from the one before. */
export interface ReplyUpdate {
  moment: number;
  number: number;
  /** It does not build on the result before. */
  whole: boolean;
  /** The rows, in order: how many, and where they begin in the result before; `undefined`: the next of the new ones. */
  runs: [from: number | undefined, count: number][];
  added: number[];
  removed: number[];
  updated: number[];
}

/** What the engine has measured of a request, of a stream so far. */
export interface Times {
  /** How long it has waited and has run, in milliseconds. */
  waited: number;
  ran: number;
  /** What it is, in a few words. */
  summary: string;
  /** How many rows it has returned, if that applies. */
  rows: number | undefined;
}

const HEADER = 16;
/** What precedes the runs in a result of a watch. */
const UPDATE = 32;
/** Instead of a position: rows that are new. */
const NEW = 0xffffffff;
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

  times(): Times {
    const { extra } = this;
    const counts = (16 + extra + 7) & ~7;
    const at = this.body(Kind.times, counts + 16);
    const [waited, ran] = [at, at + 8].map((place) => Number(integer(this.source.view, place)) / 1e6) as [number, number];
    const rows = Number(integer(this.source.view, at + counts));
    return { waited, ran, summary: utf8(this.source.bytes, at + 16, at + 16 + extra) ?? '', rows: rows < 0 ? undefined : rows };
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

  /** Returns the next result of a watch, with its new rows; `undefined`: it is over. */
  update<T>(all: (rows: Rows) => T[]): (ReplyUpdate & { fresh: T[] }) | undefined {
    const at = this.body(Kind.update, 0);
    if (this.ends) return undefined;
    const { view } = this.source;
    const rows = this.updated(at);
    const [runs, added, removed, updated] = [0, 1, 2, 3].map((place) => view.getUint32(at + 16 + 4 * place, true)) as [number, number, number, number];
    let word = at + UPDATE;
    const next = (): number => {
      word += 4;
      return view.getUint32(word - 4, true);
    };
    const list = (count: number): number[] => Array.from({ length: count }, next);
    const read: ReplyUpdate = {
      moment: Number(integer(view, at)),
      number: view.getUint32(at + 8, true),
      whole: (view.getUint8(this.at + 9) & WHOLE) !== 0,
      runs: Array.from({ length: runs }, () => {
        const from = next();
        return [from === NEW ? undefined : from, next()];
      }),
      added: list(added),
      removed: list(removed),
      updated: list(updated),
    };
    return { ...read, fresh: all(Rows.read(this.source, rows, this.end, this.extra, this.known)) };
  }

  /**
   * Returns the next results of a watch of several queries, as {@link update} does of one; `undefined`: it is over.
   *
   * @param all reads the rows of each query, in their order
   */
  updates<T>(all: readonly ((rows: Rows) => T[])[]): (ReplyUpdate & { fresh: T[] })[] | undefined {
    this.body(Kind.updates, 0);
    if (this.ends) return undefined;
    const updates: (ReplyUpdate & { fresh: T[] })[] = [];
    this.each((reply) => {
      const update = reply.update(all[updates.length] ?? (() => []));
      if (update === undefined) throw malformed();
      updates.push(update);
    });
    if (updates.length !== all.length) throw malformed();
    return updates;
  }

  /** Passes each reply in this one to `each`, in order. */
  private each(each: (reply: Reply) => void): void {
    walk(this.source, this.at + HEADER, this.end, this.known, each);
  }

  /** Returns the offset of the new rows in a result of a watch. */
  private updated(at: number): number {
    const { view } = this.source;
    if (at + UPDATE > this.end) throw malformed();
    let words = 2 * view.getUint32(at + 16, true);
    for (let list = 0; list < 3; list += 1) words += view.getUint32(at + 20 + 4 * list, true);
    const rows = at + UPDATE + padded(4 * words);
    if (rows > this.end) throw malformed();
    return rows;
  }

  /** Remembers the column names in the reply, even if nobody reads its rows. */
  note(): void {
    if (this.kind === Kind.updates) {
      this.each((reply) => reply.note());
      return;
    }
    if (!tellsColumns(this.kind)) return;
    let at = this.at + HEADER;
    if (this.kind === Kind.ran) at = this.told(this.body(Kind.ran, RAN)).rows;
    if (this.kind === Kind.update) {
      if (this.ends) return;
      at = this.updated(at);
    }
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
  return kind === Kind.rows || kind === Kind.key || kind === Kind.ran || kind === Kind.update;
}

/**
 * Passes each reply of a batch to `each`, in order. Whatever `each` does not read is lost.
 *
 * @throws `Internal` for bytes that are not replies
 */
export function readReplies(batch: Replies, known: Known, each: (reply: Reply) => void): void {
  const source = sourceOf(batch);
  walk(source, 0, source.size, known, each);
}

/** Passes each reply between two offsets to `each`, in order, and forgets the columns that one says are to be forgotten. */
function walk(source: Source, from: number, to: number, known: Known, each: (reply: Reply) => void): void {
  const { view } = source;
  for (let at = from; at < to; ) {
    const length = at + HEADER <= to ? view.getUint32(at, true) : 0;
    if (length < HEADER || length % 8 !== 0 || at + length > to) throw malformed();
    const kind = view.getUint8(at + 8);
    if (tellsColumns(kind) && (view.getUint8(at + 9) & FORGET) !== 0) known.clear();
    each(new Reply(source, at, at + length, known));
    at += length;
  }
}
