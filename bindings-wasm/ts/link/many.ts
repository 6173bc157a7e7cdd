import { UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import { Writer } from '../wire/writer.js';
import { Held } from './held.js';
import type { Link } from './link.js';
import type { CallOptions } from './options.js';

/** A chunk is sent when it has so many rows, or takes so many bytes. */
const ROWS = 1024;
const BYTES = 256 * 1024;

/** Chunks that the engine has not taken yet, before more rows are asked for. */
const AHEAD = 3;

/** One statement, or one insert, for many rows. */
export interface Many<R> {
  op: number;
  on: Held | undefined;
  options: CallOptions;
  /** Writes what stands before the rows. */
  head: (out: Writer) => void;
  row: (out: Writer, row: R) => void;
  rows: Iterable<R> | AsyncIterable<R>;
}

/** Sends rows chunk by chunk, all or none, and answers how many were changed. */
export async function sendMany<R>(link: Link, many: Many<R>): Promise<number> {
  const sending = new Sending(link, many);
  try {
    if (Symbol.asyncIterator in many.rows) {
      for await (const row of many.rows) {
        sending.add(row);
        if (sending.isFull) await sending.send(true);
      }
    } else {
      for (const row of many.rows) {
        sending.add(row);
        if (sending.isFull) await sending.send(true);
      }
    }
    await sending.send(false);
    return await sending.result;
  } catch (error) {
    sending.giveUp(error);
    throw error;
  }
}

class Sending<R> {
  private chunk = new Writer(64 * 1024);
  private rows = 0;
  private index = 0;
  private begun: { id: number; engine: number; answer: Promise<number> } | undefined;
  private complete = false;
  private over = false;
  private readonly ahead = new Map<number, Promise<void>>();

  constructor(
    private readonly link: Link,
    private readonly many: Many<R>,
  ) {}

  get isFull(): boolean {
    return this.rows >= ROWS || this.chunk.length >= BYTES;
  }

  get result(): Promise<number> {
    return this.begun?.answer ?? Promise.resolve(0);
  }

  add(row: R): void {
    const before = this.chunk.length;
    try {
      this.many.row(this.chunk, row);
    } catch (error) {
      this.chunk.cut(before);
      throw indexed(error, this.index);
    }
    this.rows += 1;
    this.index += 1;
  }

  /** Sends what was gathered; waits while the engine is behind. */
  async send(more: boolean): Promise<void> {
    const { link, many } = this;
    const count = this.rows;
    const bytes = new Uint8Array(this.chunk.take());
    this.rows = 0;
    this.complete = !more;
    if (this.begun === undefined) {
      // Rows that follow must reach the same engine.
      const engine = more ? await link.reachable() : 0;
      const answer = link.call({
        op: many.op,
        on: many.on,
        options: many.options,
        more,
        incomplete: () => !this.complete,
        write: (out) => {
          many.head(out);
          out.u32(count);
          out.raw(bytes);
        },
        read: (reply: Reply) => reply.count(),
      });
      this.begun = { id: link.lastId, engine, answer };
      answer.catch(() => {}).finally(() => this.end());
      return;
    }
    if (this.over) return;
    const { id, engine } = this.begun;
    const taken = link.call({
      op: Op.more,
      on: new Held(id, engine),
      more,
      write: (out) => {
        out.u32(count);
        out.raw(bytes);
      },
      read: () => undefined,
    });
    const number = link.lastId;
    const settled = taken.catch(() => {}).finally(() => this.ahead.delete(number)) as Promise<void>;
    this.ahead.set(number, settled);
    if (more && this.ahead.size >= AHEAD) await Promise.race([...this.ahead.values(), this.result]);
  }

  giveUp(error: unknown): void {
    if (this.begun !== undefined && !this.over) {
      this.link.cancel(this.begun.id, error);
    }
    this.end();
  }

  private end(): void {
    this.over = true;
    for (const id of this.ahead.keys()) this.link.abandon(id);
  }
}

/** Says which row it was. */
function indexed(error: unknown, index: number): unknown {
  if (!(error instanceof UbiqliteError) || error.index !== undefined) return error;
  return errorOf({ kind: error.kind, message: error.message, index });
}
