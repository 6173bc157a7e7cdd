import type { Held } from '../link/held.js';
import { type CallOptions, merged } from '../link/options.js';
import { Op } from '../wire/ops.js';
import type { Writer } from '../wire/writer.js';
import type { Place, Row } from './statements.js';

/** Pages asked for before they are needed, so that SQLite steps while the caller works. */
const AHEAD = 2;

function settled(): void {}

interface Fetched<T> {
  rows: T[];
  ends: boolean;
}

/**
 * The rows of a running query, one after another. It begins when the first row is
 * asked for, and ends with the loop: by its last row, `break`, or an exception.
 */
export class RowStream<T = Row> implements AsyncIterableIterator<T>, AsyncDisposable {
  private started: Promise<Held> | undefined;
  private held: Held | undefined;
  private ahead: Promise<Fetched<T>>[] = [];
  private rows: T[] = [];
  private at = 0;
  private over = false;
  /** The `next()` asked for last, and whether one is under way. */
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;
  private asking = false;
  private readonly options: CallOptions;

  /** @internal */
  constructor(
    private readonly place: Place,
    private readonly op: number,
    private readonly write: (out: Writer) => void,
    private readonly again: boolean,
    options: CallOptions | undefined,
  ) {
    this.options = merged(place.defaults, options);
  }

  /** The next row. Several may be asked for at once; they come in order. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (!this.asking && this.at < this.rows.length) {
      return Promise.resolve({ done: false, value: this.rows[this.at++] });
    }
    this.waiting += 1;
    this.asking = true;
    const next = this.last.then(() => this.take());
    this.last = next.then(settled, settled);
    return next.finally(() => {
      this.waiting -= 1;
      this.asking = this.waiting > 0;
    });
  }

  private async take(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      if (this.at < this.rows.length) return { done: false, value: this.rows[this.at++] };
      if (this.over) return { done: true, value: undefined };
      try {
        await this.fetch();
      } catch (error) {
        this.end();
        throw error;
      }
    }
  }

  /** Ends the query before its last row. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    this.rows = [];
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The rows that are left, at once. */
  async toArray(): Promise<T[]> {
    const all: T[] = [];
    for await (const row of this) all.push(row);
    return all;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private async fetch(): Promise<void> {
    this.started ??= this.start();
    const held = await this.started;
    while (!this.over && this.ahead.length < AHEAD) this.ahead.push(this.ask(held));
    const page = this.ahead.shift();
    if (page === undefined) return;
    const { rows, ends } = await page;
    if (this.over) return;
    this.rows = rows;
    this.at = 0;
    if (ends) {
      // What was asked for ahead is asked of nothing.
      this.place.link.forget(held);
      this.end();
    }
  }

  private async start(): Promise<Held> {
    const { link, on } = this.place;
    const { write, op, again, options } = this;
    const id = await link.call({ op, on, write, read: (reply) => reply.extra, again, options });
    this.held = link.keep(id, this, on);
    return this.held;
  }

  private ask(held: Held): Promise<Fetched<T>> {
    const { link } = this.place;
    const page = link.call({
      op: Op.next,
      on: held,
      options: this.options,
      write: (out) => out.u32(1),
      read: (reply) => ({ ends: reply.ends, rows: reply.rows(link.bigints).objects<T>() }),
    });
    // Who waits for it hears of it; nobody else need.
    page.catch(() => {});
    return page;
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.ahead = [];
    if (this.held !== undefined) this.place.link.drop(this.held);
    // It may be starting.
    else this.started?.then((held) => this.place.link.drop(held), () => {});
  }
}
