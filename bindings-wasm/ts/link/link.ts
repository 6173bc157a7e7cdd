import { errorOf } from '../errors.js';
import { Kind, MORE, Op, TIMEOUT } from '../wire/ops.js';
import { type Reply, replies } from '../wire/reply.js';
import type { Known } from '../wire/rows.js';
import { Writer } from '../wire/writer.js';
import { type Call, Pending } from './call.js';
import type { Channel, Connector } from './connector.js';
import { Held } from './held.js';
import { whenLost } from './lost.js';

/** How much longer than its limit an answer is waited for: the engine keeps the time itself. */
const GRACE = 1000;

/** The longest timer that there is. */
const LONGEST = 2 ** 31 - 1;

/**
 * A client's connection to the engine of one database, whichever engine that is
 * at the moment.
 *
 * All requests of a turn travel in one message. Nothing that may write is sent
 * twice, and every call settles: with its reply, or as `lost.ts` says when the
 * engine went away before it.
 */
export class Link {
  /** Always BigInt for INTEGER. */
  readonly bigints: boolean;
  private readonly pending = new Map<number, Pending>();
  private readonly out = new Writer(16 * 1024);
  /** The requests in `out`. */
  private unposted: Pending[] = [];
  /** A request in `out` was given up. */
  private stale = false;
  private flushing = false;
  private channel: Channel | undefined;
  private connecting: Promise<void> | undefined;
  private known: Known = new Map();
  private engines = 0;
  private last = 0;
  private held = 0;
  private busy = false;
  private closing: Promise<void> | undefined;
  private waiting: (() => void)[] = [];
  private readonly forgotten: FinalizationRegistry<Held>;

  constructor(
    private readonly connector: Connector,
    options: { bigints: boolean; patience: number },
  ) {
    this.bigints = options.bigints;
    this.patience = options.patience;
    this.forgotten = new FinalizationRegistry((held) => this.drop(held));
  }

  /** How long closing waits for what is held, in milliseconds. */
  private readonly patience: number;

  /** Resolves when the database is open. */
  async open(): Promise<void> {
    await this.connect();
    if (this.channel === undefined) throw closed();
  }

  /** Sends a request, and answers what its reply is read as. */
  call<T>(call: Call<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal, timeout } = call.options ?? {};
      if (signal?.aborted) throw cancelled(signal);
      if (this.closing !== undefined && call.on === undefined) throw closed();
      if (call.on !== undefined && this.isOver(call.on)) throw gone(call.on, this.engines);
      if (timeout !== undefined && !(timeout >= 0)) {
        throw errorOf({ kind: 'InvalidArgument', message: 'a timeout is a number of milliseconds, not negative' });
      }
      const id = this.number();
      const pending = new Pending(id, call as Call<unknown>, { resolve: resolve as (value: unknown) => void, reject });
      // What can't be written is refused before anything is sent.
      this.encode(pending);
      this.pending.set(id, pending);
      this.unposted.push(pending);
      if (signal !== undefined) {
        const abort = (): void => this.giveUp(pending, cancelled(signal));
        signal.addEventListener('abort', abort, { once: true });
        pending.until(() => signal.removeEventListener('abort', abort));
      }
      if (timeout !== undefined && timeout < LONGEST) this.limit(pending, timeout);
      this.changed();
      this.schedule();
    });
  }

  /** The number of the request made last, which names what it makes. */
  get lastId(): number {
    return this.last;
  }

  /** Notes that the engine keeps something for this client, made by the request `id`. */
  keep(id: number, owner: object, inside?: Held): Held {
    const held = new Held(id, this.engines, inside);
    this.held += 1;
    this.forgotten.register(owner, held, held);
    return held;
  }

  /** Notes that it is gone, without telling the engine, which knows. */
  forget(held: Held): void {
    if (held.over) return;
    held.over = true;
    this.held -= 1;
    this.forgotten.unregister(held);
    this.changed();
  }

  /** Lets something go: what is open in it is rolled back. */
  drop(held: Held): void {
    const there = !this.isOver(held);
    this.forget(held);
    if (there) this.tell(Op.drop, held.id);
  }

  /** Whether it was ended, or is gone with its engine. */
  isOver(held: Held): boolean {
    return held.over || held.engine !== this.engines || this.channel === undefined;
  }

  /** Whether an engine is there, or can be; answers its number. */
  async reachable(): Promise<number> {
    await this.connect();
    return this.engines;
  }

  /** Settles a call that the engine will not answer, without a word to it. */
  abandon(id: number): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    this.settle(pending, closed());
    this.changed();
  }

  /** Gives up the call that the request `id` made, though nobody aborted it. */
  cancel(id: number, reason: unknown): void {
    const pending = this.pending.get(id);
    if (pending !== undefined) this.giveUp(pending, reason);
  }

  /** Gives up every call on something that is held, and on its parts. */
  cancelOn(held: Held, reason: unknown): void {
    for (const pending of [...this.pending.values()]) {
      if (pending.call.on?.isWithin(held) === true) this.giveUp(pending, reason);
    }
  }

  /** Stops every call of this client that runs. */
  interrupt(): void {
    for (const pending of [...this.pending.values()]) {
      this.giveUp(pending, errorOf({ kind: 'Cancelled', message: 'the call was interrupted' }));
    }
  }

  /**
   * Waits for what was accepted, then closes. What is held has the busy timeout to
   * end; then it is rolled back.
   */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.wake();
    }, this.patience);
    while (!over && (this.pending.size > 0 || (this.held > 0 && this.channel !== undefined))) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    clearTimeout(timer);
    this.flush();
    const { channel } = this;
    await channel?.close();
    this.channel = undefined;
    this.engines += 1;
    await this.connector.close();
    for (const pending of this.pending.values()) pending.fail(closed());
    this.pending.clear();
  }

  private number(): number {
    this.last = this.last === 0xffffffff ? 1 : this.last + 1;
    return this.last;
  }

  private encode({ id, call }: Pending): void {
    const { out } = this;
    const start = out.length;
    try {
      const timeout = call.options?.timeout;
      const limited = timeout !== undefined && timeout < LONGEST;
      out.u32(0);
      out.u32(id);
      out.u8(call.op);
      out.u8((limited ? TIMEOUT : 0) | (call.more === true ? MORE : 0));
      out.u32(call.on?.id ?? 0);
      if (limited) out.u32(Math.ceil(timeout));
      call.write?.(out);
      out.setU32(start, out.length - start - 4);
    } catch (error) {
      out.cut(start);
      throw error;
    }
  }

  /** Says something that has no answer. */
  private tell(op: number, handle: number): void {
    this.encode(new Pending(this.number(), { op, on: new Held(handle, 0), read: () => undefined }, { resolve() {}, reject() {} }));
    this.schedule();
  }

  private schedule(): void {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.channel === undefined) {
      if (this.pending.size > 0) void this.connect();
      return;
    }
    if (this.stale) this.rewrite();
    if (this.out.length === 0) return;
    for (const pending of this.unposted) pending.posted = true;
    this.unposted = [];
    this.channel.post(this.out.take());
  }

  /** Writes the requests that are not on their way anew. */
  private rewrite(): void {
    this.stale = false;
    this.out.cut(0);
    this.unposted = this.unposted.filter(({ id }) => this.pending.has(id));
    for (const pending of this.unposted) this.encode(pending);
  }

  private connect(): Promise<void> {
    if (this.channel !== undefined) return Promise.resolve();
    this.connecting ??= this.reach();
    return this.connecting;
  }

  private async reach(): Promise<void> {
    const engine = this.engines + 1;
    try {
      const channel = await this.connector.connect({
        message: (batch) => {
          if (engine === this.engines) this.receive(batch);
        },
        lost: (reason) => {
          if (engine === this.engines) this.lose(reason);
        },
      });
      this.engines = engine;
      this.channel = channel;
      this.known = new Map();
      this.busy = false;
      this.connecting = undefined;
      this.changed();
      this.flush();
    } catch (error) {
      this.connecting = undefined;
      for (const pending of [...this.pending.values()]) {
        if (!pending.posted) this.settle(pending, error);
      }
      this.stale = true;
      this.rewrite();
      if (this.pending.size === 0 && this.last === 0) throw error;
    }
  }

  private receive(batch: ArrayBuffer): void {
    for (const reply of replies(batch, this.known)) {
      const pending = this.pending.get(reply.id);
      if (pending === undefined) {
        // Given up meanwhile; yet column names are told once.
        reply.note();
        continue;
      }
      this.pending.delete(reply.id);
      if (reply.kind === Kind.error) pending.fail(reply.error());
      else pending.answer(reply as Reply);
    }
    this.changed();
  }

  /** The engine is gone. */
  private lose(reason: string): void {
    this.channel = undefined;
    this.engines += 1;
    this.held = 0;
    const again: Pending[] = [];
    for (const pending of [...this.pending.values()]) {
      const verdict = whenLost(pending, reason);
      if (verdict === 'again') {
        pending.repeated = pending.posted;
        pending.posted = false;
        again.push(pending);
      } else {
        this.settle(pending, verdict);
      }
    }
    this.unposted = again;
    this.rewrite();
    this.changed();
    if (again.length > 0) void this.connect();
  }

  private settle(pending: Pending, error: unknown): void {
    this.pending.delete(pending.id);
    if (!pending.posted) this.stale = true;
    pending.fail(error);
  }

  private giveUp(pending: Pending, reason: unknown): void {
    if (!this.pending.has(pending.id)) return;
    const { posted } = pending;
    this.settle(pending, reason);
    if (posted) {
      this.tell(Op.cancel, pending.id);
      this.channel?.stop(pending.id);
    }
    this.changed();
  }

  private limit(pending: Pending, timeout: number): void {
    const late = (): void => {
      const message = `the call took longer than ${timeout} ms`;
      const harmless = !pending.posted || pending.call.again === true;
      const kind = harmless ? 'Timeout' : 'OutcomeUnknown';
      const what = harmless ? 'nothing was changed' : 'whether it was done is not known';
      this.giveUp(pending, errorOf({ kind, message: `${message}; ${what}` }));
    };
    const timer = setTimeout(late, Math.min(timeout + GRACE, LONGEST));
    (timer as { unref?: () => void }).unref?.();
    pending.until(() => clearTimeout(timer));
  }

  /** What depends on whether calls are pending, or something is held. */
  private changed(): void {
    const busy = this.pending.size > 0;
    if (busy !== this.busy && this.channel !== undefined) {
      this.busy = busy;
      this.channel.busy(busy);
    }
    if (!busy) this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function closed(): Error {
  return errorOf({ kind: 'Closed', message: 'the database is closed' });
}

function gone(held: Held, engine: number): Error {
  if (held.over || held.engine === engine) {
    return errorOf({ kind: 'Closed', message: 'the transaction, session, snapshot or stream is closed' });
  }
  return errorOf({
    kind: 'Cancelled',
    message: 'the engine that it was in is gone, and what it had open is rolled back; begin it anew',
  });
}

function cancelled(signal: AbortSignal): Error {
  return errorOf({ kind: 'Cancelled', message: 'the call was aborted' }, { cause: signal.reason });
}
