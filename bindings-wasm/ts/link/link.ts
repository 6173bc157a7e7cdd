import { type UbiqliteError, errorOf } from '../errors.js';
import type { Replies } from '../wire/letters.js';
import { Kind, Op } from '../wire/ops.js';
import { readReplies } from '../wire/reply.js';
import type { Known } from '../wire/rows.js';
import type { Call, Pending } from './call.js';
import type { Channel, Connector } from './connector.js';
import { Deadlines } from './deadlines.js';
import type { Held } from './held.js';
import { Holdings } from './holdings.js';
import { cancelled, lastMoment, limitOf, tooLate } from './limits.js';
import { rolledBack } from './lost.js';
import type { CallOptions } from './options.js';
import { Outbox } from './outbox.js';
import { Quiet } from './quiet.js';

/** The longest timer that there is. */
const LONGEST = 2 ** 31 - 1;

const SETTLED = Promise.resolve();

type Resolve = (value: unknown) => void;
type Reject = (error: unknown) => void;

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
  private readonly patience: number;
  private readonly pending = new Map<number, Pending>();
  private readonly outbox = new Outbox();
  private readonly holdings = new Holdings((id) => this.tell(Op.drop, id));
  private readonly deadlines = new Deadlines((now) => this.expire(now));
  private readonly quiet = new Quiet();
  private channel: Channel | undefined;
  private connecting: Promise<void> | undefined;
  private known: Known = new Map();
  private scheduled = false;
  private readonly onTurn = (): void => {
    this.scheduled = false;
    this.flush();
  };
  private last = 0;
  private state: 'open' | 'closing' | 'closed' = 'open';
  private closing: Promise<void> | undefined;

  /** @param options `patience`: how long closing waits for what is held, in milliseconds */
  constructor(
    private readonly connector: Connector,
    options: { bigints: boolean; patience: number },
  ) {
    this.bigints = options.bigints;
    this.patience = Math.min(options.patience, LONGEST);
  }

  /** Which engine the database is opened with. */
  get engine(): 'native' | 'wasm' {
    return this.connector.engine ?? 'wasm';
  }

  /**
   * Connects for the first time.
   *
   * @throws why there is no engine to be had; the link is closed then
   */
  async open({ signal, timeout }: CallOptions = {}): Promise<void> {
    let onAbort: (() => void) | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const limit = limitOf(timeout);
      if (signal?.aborted) throw cancelled(signal, 'the opening was aborted');
      const givenUp = new Promise<never>((_, reject) => {
        onAbort = () => reject(cancelled(signal as AbortSignal, 'the opening was aborted'));
        signal?.addEventListener('abort', onAbort, { once: true });
        const late = (): void => reject(errorOf({ kind: 'Timeout', message: `the database was not open within ${limit} ms` }));
        if (limit !== undefined) timer = setTimeout(late, limit);
      });
      await Promise.race([this.connect(), givenUp]);
    } catch (error) {
      this.state = 'closed';
      await this.connector.close();
      throw error;
    } finally {
      clearTimeout(timer);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Sends a request, and answers what its reply is read as. Whatever is wrong with it is told by the promise. */
  call<T>(call: Call<T>): Promise<T> {
    let pending: Pending | undefined;
    const promise = new Promise<T>((resolve, reject) => {
      pending = this.begin(call, resolve as Resolve, reject);
    });
    if (pending !== undefined) pending.promise = promise;
    return promise;
  }

  /**
   * Sends a request; or rejects at once, for what can't be written, a signal that
   * is aborted already, and what is closed. Nothing is sent then.
   *
   * @returns what is under way, unless it was rejected
   */
  begin<T>(call: Call<T>, resolve: Resolve, reject: Reject): Pending | undefined {
    try {
      return this.write(call as Call<unknown>, resolve, reject);
    } catch (error) {
      reject(error);
      return undefined;
    }
  }

  /** Asks the engine for something that it keeps for this client. */
  lend(call: Omit<Call<number>, 'read'>): Promise<Held> {
    // Noted with the very reply: a moment later it may be another engine.
    return this.call({ ...call, read: (reply) => this.holdings.add(reply.handle(), call.on) });
  }

  /** As `lend`, for who does not wait for a promise. */
  beginLending(call: Omit<Call<number>, 'read'>, resolve: (held: Held) => void, reject: Reject): Pending | undefined {
    return this.begin({ ...call, read: (reply) => this.holdings.add(reply.handle(), call.on) }, resolve as Resolve, reject);
  }

  /** The engine has ended it, or will with a request that was just made. */
  release(held: Held, why: () => UbiqliteError): void {
    this.holdings.end(held, why);
    this.settled();
  }

  /**
   * Lets something go: what is open in it is rolled back, what runs in it is
   * stopped. Calls on it that nobody awaits reject without anybody being told: what
   * ended it is told instead.
   */
  drop(held: Held, why: () => UbiqliteError): void {
    if (!this.holdings.end(held, why)) return;
    for (const pending of [...this.pending.values()]) {
      if (pending.call.on?.isWithin(held) !== true) continue;
      this.over(pending);
      if (pending.posted) this.channel?.stop(pending.id);
      else this.outbox.blank(pending);
      pending.promise?.catch(() => {});
      pending.reject(why());
    }
    this.tell(Op.drop, held.id);
    this.settled();
  }

  /** Gives up a call, for this reason. */
  giveUp(pending: Pending, reason: unknown): void {
    if (!this.over(pending)) return;
    if (pending.posted) {
      this.tell(Op.cancel, pending.id);
      this.channel?.stop(pending.id);
    } else {
      this.outbox.blank(pending);
    }
    pending.reject(reason);
  }

  /** Gives up every call of this client, or every one on something that is held. */
  interrupt(held?: Held): void {
    for (const pending of [...this.pending.values()]) {
      if (held !== undefined && pending.call.on?.isWithin(held) !== true) continue;
      this.giveUp(pending, errorOf({ kind: 'Cancelled', message: 'the call was interrupted' }));
    }
  }

  /** Whether it was neither answered nor given up. */
  isPending(pending: Pending): boolean {
    return this.pending.get(pending.id) === pending;
  }

  /**
   * Waits for what was accepted, then closes. What is held has the busy timeout to
   * end; then it is rolled back.
   */
  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private write(call: Call<unknown>, resolve: Resolve, reject: Reject): Pending {
    const on = call.part === undefined ? call.on : call.part.call.on;
    this.check(on);
    const { signal, timeout } = call.options ?? {};
    if (signal?.aborted) throw cancelled(signal);
    const limit = limitOf(timeout);
    const id = this.number();
    const place = this.outbox.write(id, call.op, call.part?.id ?? on?.id ?? 0, limit, call.more, call.write);
    const pending: Pending = {
      id,
      call: call.on === on ? call : { ...call, on },
      resolve,
      reject,
      promise: undefined,
      before: undefined,
      piece: undefined,
      place,
      length: 0,
      posted: false,
      deadline: undefined,
      onAbort: undefined,
    };
    this.outbox.add(pending);
    if (signal) {
      pending.onAbort = () => this.giveUp(pending, cancelled(signal));
      signal.addEventListener('abort', pending.onAbort, { once: true });
    }
    if (limit !== undefined) {
      pending.deadline = performance.now() + limit;
      this.deadlines.add(lastMoment(pending));
    }
    this.pending.set(id, pending);
    if (this.pending.size === 1) this.channel?.busy(true);
    this.schedule();
    return pending;
  }

  /** @throws `Closed`, or why it takes no call */
  private check(on: Held | undefined): void {
    if (this.state === 'closed' || (this.state === 'closing' && on === undefined)) throw closed();
    const over = on?.over;
    if (over !== undefined) throw over;
    if (on !== undefined && on.engine !== this.holdings.engine) throw rolledBack('the engine that it was in is gone');
  }

  private number(): number {
    do {
      this.last = (this.last + 1) >>> 0;
      // After four thousand million requests the numbers begin anew.
    } while (this.last === 0 || this.pending.has(this.last) || this.holdings.has(this.last));
    return this.last;
  }

  /** Says something that has no answer. An engine that is gone keeps nothing and runs nothing. */
  private tell(op: number, on: number): void {
    if (this.channel === undefined) return;
    this.outbox.write(this.number(), op, on);
    this.flush();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    // In browsers a tenth of what `queueMicrotask` takes, which calls out of the JavaScript engine.
    void SETTLED.then(this.onTurn);
  }

  /** Posts what was written, or sees to it that there is an engine to post it to. */
  private flush(): void {
    if (this.outbox.isEmpty) return;
    const { channel } = this;
    if (channel !== undefined) {
      this.outbox.post(channel.post);
      channel.posted?.();
    } else {
      // Whoever waits hears of a failure by their calls.
      this.connect().catch(() => {});
    }
  }

  private connect(): Promise<void> {
    if (this.channel !== undefined) return Promise.resolve();
    this.connecting ??= this.reach().finally(() => {
      this.connecting = undefined;
      // What was asked for meanwhile, should the engine be lost again already.
      if (this.channel === undefined && this.state !== 'closed') this.flush();
    });
    return this.connecting;
  }

  private async reach(): Promise<void> {
    const engine = this.holdings.engine + 1;
    let channel: Channel | undefined;
    let early: string | undefined;
    try {
      channel = await this.connector.connect({
        message: (batch) => this.receive(engine, batch),
        lost: (reason) => {
          if (this.holdings.engine === engine) this.lose(engine, reason);
          else early = reason;
        },
      });
    } catch (error) {
      this.refuse(error);
      throw error;
    }
    if (this.state === 'closed') {
      await channel.close();
      throw closed();
    }
    this.holdings.engine = engine;
    this.known = new Map();
    this.channel = channel;
    channel.busy(this.pending.size > 0);
    if (early === undefined) this.flush();
    else this.lose(engine, early);
  }

  /** Nobody waits for an answer any longer. */
  private refuse(error: unknown): void {
    this.outbox.clear();
    for (const pending of [...this.pending.values()]) {
      this.over(pending);
      pending.reject(error);
    }
  }

  private receive(engine: number, batch: Replies): void {
    const { channel } = this;
    if (engine !== this.holdings.engine || channel === undefined) return;
    try {
      readReplies(batch, this.known, (reply) => {
        const pending = this.pending.get(reply.id);
        // Column names are told once, though the call may have been given up.
        if (pending === undefined || reply.kind === Kind.error) reply.note();
        if (pending === undefined) return;
        const { continues } = reply;
        if (!continues) this.over(pending);
        let answer: unknown;
        try {
          if (reply.kind === Kind.error) throw reply.error();
          answer = pending.call.read(reply, pending.before);
        } catch (error) {
          // Parts of it that are still to come find nobody.
          this.over(pending);
          pending.reject(error);
          return;
        }
        if (continues) pending.before = answer;
        else pending.resolve(answer);
      });
    } catch (error) {
      // Later replies rely on what could not be read.
      this.lose(engine, error instanceof Error ? error.message : String(error));
      void channel.close();
    }
  }

  /** The engine is gone. */
  private lose(engine: number, reason: string): void {
    if (engine !== this.holdings.engine || this.channel === undefined) return;
    this.channel = undefined;
    this.holdings.clear(() => rolledBack(reason));
    for (const [pending, error] of this.outbox.renew([...this.pending.values()], reason)) {
      this.over(pending);
      pending.reject(error);
    }
    this.settled();
    this.flush();
  }

  /** Takes it out of those that wait. False if it was not there. */
  private over(pending: Pending): boolean {
    if (!this.isPending(pending)) return false;
    this.pending.delete(pending.id);
    if (pending.onAbort !== undefined) pending.call.options?.signal?.removeEventListener('abort', pending.onAbort);
    pending.onAbort = undefined;
    if (this.pending.size === 0) {
      this.channel?.busy(false);
      this.settled();
    }
    return true;
  }

  /** Gives up what has gone on for too long, and answers when to look again. */
  private expire(now: number): number {
    let next = Infinity;
    for (const pending of [...this.pending.values()]) {
      const until = lastMoment(pending);
      if (now < until) next = Math.min(next, until);
      else this.giveUp(pending, tooLate(pending));
    }
    return next;
  }

  private async shut(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closing';
    this.flush();
    // What the database itself was asked for is waited for as long as it takes.
    const must = (): boolean => [...this.pending.values()].some(({ call }) => call.on === undefined);
    await this.quiet.wait(this.patience, must, () => this.settled());
    this.state = 'closed';
    this.deadlines.stop();
    this.holdings.clear(closed);
    const { channel } = this;
    try {
      await channel?.close();
    } finally {
      this.channel = undefined;
      this.refuse(closed());
      await this.connector.close();
    }
  }

  private settled(): void {
    if (this.pending.size === 0 && this.holdings.isEmpty) this.quiet.reached();
  }
}

function closed(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the database is closed' });
}
