import { UbiqliteError, errorOf } from '../errors.js';
import type { Replies } from '../wire/latin1.js';
import { MORE, Op, READS, TIMED } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import { Known } from '../wire/rows.js';
import { AtClose } from './at-close.js';
import { type Call, type Pending, type Reject, type Resolve, pendingOf } from './call.js';
import type { Broke, Channel, Connector } from './connector.js';
import { OUTCOME_PATIENCE, asError, closed, effectOf, isEnd, isLive, isQuery, mayHaveHappened, rolledBack, endCancelled, unknown, whenCancelled } from './call-state.js';
import { Deadlines } from './deadlines.js';
import type { RemoteHandle } from './remote-handle.js';
import { HandleRegistry } from './handle-registry.js';
import { type Ends, deliver } from './incoming.js';
import { type Introducing, Introduction, introduced } from './introduction.js';
import { cancelled, lastMoment, limitOf, tooLate } from './timeouts.js';
import { inTime } from './opening.js';
import type { CallOptions, Checked } from './options.js';
import { Outbox } from './outbox.js';
import { Pendings } from './pendings.js';
import { Drain } from './drain.js';
import { onAbort } from './signals.js';
import { ofSql, rejectCall, retrace } from './trace.js';
import { Tracer } from './tracer.js';
import { Writers } from './writers.js';

/** A request for something that the engine keeps. */
type Opening = Omit<Call<number>, 'read'>;

/** The longest possible timer. */
const LONGEST = 2 ** 31 - 1;

const SETTLED = Promise.resolve();

/**
 * A client's connection to the engine of one database, whichever engine that currently is.
 *
 * All requests of a turn travel in one message. Nothing that may write is carried out
 * twice. Every call settles: with its reply, or as the tables in `call-state.ts` say.
 */
export class EngineClient {
  private readonly patience: number;
  private readonly pending = new Pendings();
  private readonly outbox: Outbox;
  private readonly handles = new HandleRegistry((id) => this.tell(Op.drop, id));
  private readonly deadlines = new Deadlines((now) => this.expire(now));
  private readonly drain = new Drain();
  private readonly writers = new Writers();
  /** Those who trace its calls. */
  readonly tracer: Tracer;
  private channel: Channel | undefined;
  private connecting: Promise<void> | undefined;
  private known: Known;
  private scheduled = false;
  private readonly onTurn = (): void => {
    this.scheduled = false;
    this.flush();
  };
  private readonly ends: Ends = { over: (pending) => void this.over(pending), fail: (pending, error) => this.fail(pending, error) };
  private last = 0;
  /** What ends when it closes. */
  readonly atClose = new AtClose();
  private state: 'open' | 'closing' | 'closed' = 'open';
  private closing: Promise<void> | undefined;
  /** What the next engine is told first. */
  introduction: Introducing | undefined;

  /** @param options `bigints`: every INTEGER is a BigInt; `patience`: how long closing waits for handles, in ms */
  constructor(
    private readonly connector: Connector,
    options: { bigints: boolean; patience: number; namespace?: string },
  ) {
    this.tracer = new Tracer(options.namespace ?? '');
    this.known = new Known(options.bigints);
    this.outbox = new Outbox(connector.lasting === true);
    this.patience = Math.min(options.patience, LONGEST);
  }

  /** Which engine the database is opened with. */
  get engine(): 'native' | 'wasm' {
    return this.connector.engine ?? 'wasm';
  }

  /**
   * Connects for the first time, and makes the first calls, if there are any.
   *
   * @throws why no engine is available, and what the calls throw; the client is then closed
   */
  async open(options: CallOptions = {}, first?: () => Promise<void>): Promise<void> {
    try {
      await inTime(async () => {
        await this.connect();
        await first?.();
      }, options);
    } catch (error) {
      // A first call that is under way is not done in part: its outcome is waited for.
      this.interrupt();
      if (this.channel !== undefined) await this.close().catch(() => {});
      if (this.state !== 'closed') {
        // From here on a channel that is still being opened is closed as soon as it is there.
        this.state = 'closed';
        await this.connector.close();
      }
      throw retrace(error);
    }
  }

  /** Sends a request, and resolves to its reply as read. Every error is reported through the promise. */
  call<T>(call: Call<T>): Promise<T> {
    let pending: Pending | undefined;
    const promise = new Promise<T>((resolve, reject) => {
      pending = this.begin(call, resolve as Resolve, reject);
    });
    if (pending !== undefined) pending.promise = promise;
    return promise;
  }

  /**
   * Sends a request. If it can't be written, its signal is already aborted, or its target
   * is closed, it rejects at once and nothing is sent.
   *
   * @returns the pending request, unless it was rejected
   */
  begin<T>(call: Call<T>, resolve: Resolve, reject: Reject): Pending | undefined {
    // A part of what is traced already ends with the whole.
    const trace = call.trace === undefined ? this.tracer.begin(call.op, call.sql) : undefined;
    if (trace !== undefined) return trace.whole(resolve, reject, (done, failed) => this.begin({ ...call, trace }, done, failed));
    try {
      return this.write(call as Call<unknown>, resolve, reject);
    } catch (error) {
      ofSql(error, call.sql);
      // The caller is on its stack, below the frames in between.
      reject(retrace(error, this.begin));
      return undefined;
    }
  }

  /** Requests something that the engine keeps for this client. */
  openHandle(call: Opening): Promise<RemoteHandle> {
    return this.call(this.opening(call));
  }

  /** Like `openHandle`, for callers that do not wait for a promise. */
  beginOpening(call: Opening, resolve: (handle: RemoteHandle) => void, reject: Reject): Pending | undefined {
    return this.begin(this.opening(call), resolve as Resolve, reject);
  }

  private opening(call: Opening): Call<RemoteHandle> {
    // Recorded as the reply is read: a moment later it may be another engine.
    return { ...call, read: (reply) => this.handles.add(reply.handle(), call.op, call.on) };
  }

  /** Whether it takes no more calls on the database. */
  get isClosing(): boolean {
    return this.state !== 'open';
  }

  /** Whether the handle was in an engine that is gone. */
  isLost(handle: RemoteHandle): boolean {
    return this.channel === undefined || handle.engine !== this.handles.engine;
  }

  /** Records that the engine has ended it. */
  release(handle: RemoteHandle, why: () => UbiqliteError): void {
    this.handles.end(handle, why);
    this.settled();
  }

  /**
   * Ends a transaction or savepoint by commit, release or rollback. It takes no more calls, whatever the outcome: if
   * the end is not carried out, it is dropped. It stays open only if the call is refused because of its arguments.
   */
  end(handle: RemoteHandle, op: number, options: Checked, why: () => UbiqliteError): Promise<void> {
    const { signal, refused } = options;
    if (refused === undefined && signal?.aborted === true && handle.over === undefined) {
      handle.ended = true;
      this.drop(handle, why);
      return Promise.reject(cancelled(signal));
    }
    let pending: Pending | undefined;
    const promise = new Promise<void>((resolve, reject) => {
      const read = (reply: Reply): void => reply.done();
      pending = this.begin({ op, on: handle, options, read }, resolve as Resolve, reject);
    });
    if (pending !== undefined) {
      pending.promise = promise;
      handle.ended = true;
      this.handles.end(handle, why, pending);
      this.settled();
    }
    return promise;
  }

  /**
   * Drops a handle: what is open in it is rolled back, what runs in it is stopped. Calls
   * on it that nobody awaits reject silently, since whatever ended it is reported instead.
   * Calls in a session that may have made a lasting change are waited for first.
   */
  drop(handle: RemoteHandle, why: () => UbiqliteError): void {
    if (!this.handles.end(handle, why)) return;
    this.releaseHandle(handle, why);
    this.settled();
  }

  /** Makes the engine drop a handle that takes no more calls. */
  private releaseHandle(handle: RemoteHandle, why: () => UbiqliteError, by?: Pending): void {
    const { engine } = handle;
    let awaited = 1;
    const settled = (): void => {
      awaited -= 1;
      if (awaited === 0 && engine === this.handles.engine) this.tell(Op.drop, handle.id);
    };
    for (const pending of this.pending.all(this.last)) {
      if (pending === by || pending.call.on?.isPartOf(handle) !== true) continue;
      pending.promise?.catch(() => {});
      if (handle.transaction === undefined && mayHaveHappened(pending)) {
        this.cancelCall(pending, why());
        if (!this.isPending(pending)) continue;
        awaited += 1;
        pending.settled = settled;
        continue;
      }
      this.over(pending);
      if (pending.posted) this.channel?.stop(pending.id);
      else this.outbox.blank(pending);
      rejectCall(pending, pending.withdrawn?.reason ?? why());
    }
    settled();
  }

  /** Cancels a call. It rejects with this reason if nothing of it happened. */
  cancelCall(pending: Pending, reason: unknown): void {
    if (!this.isPending(pending) || pending.withdrawn !== undefined) return;
    const { id, call } = pending;
    let certain = !mayHaveHappened(pending);
    switch (whenCancelled(pending)) {
      case 'takeBack':
        this.outbox.blank(pending);
        // The handle was meant to end, and takes no more calls.
        if (call.on !== undefined && isEnd(call)) this.releaseHandle(call.on, endCancelled, pending);
        break;
      case 'cancel':
        this.tell(Op.cancel, id);
        this.channel?.stop(id);
        break;
      case 'withdraw':
        if (this.channel?.withdraw?.(id) === true) {
          certain = true;
          break;
        }
        this.tell(Op.withdraw, id);
        this.channel?.stop(id);
        pending.unlisten?.();
        pending.withdrawn = { reason, until: performance.now() + OUTCOME_PATIENCE };
        this.deadlines.add(pending.withdrawn.until);
        return;
    }
    this.over(pending);
    rejectCall(pending, certain ? reason : unknown('the call was abandoned'));
  }

  /** Cancels every call of this client, or every call on `handle`. Watches, commit feeds and outboxes go on. */
  interrupt(handle?: RemoteHandle): void {
    for (const pending of this.pending.all(this.last)) {
      if (handle !== undefined && pending.call.on?.isPartOf(handle) !== true) continue;
      // Whoever waits for changes runs no statement of his own.
      if (isLive(pending.call)) continue;
      this.cancelCall(pending, errorOf({ kind: 'Cancelled', message: 'the call was interrupted' }));
    }
  }

  /** Whether the request is neither settled nor cancelled. */
  isPending(pending: Pending): boolean {
    return this.pending.get(pending.id) === pending;
  }

  /**
   * Waits for accepted calls, then closes. Handles have the busy timeout to end; then
   * they are rolled back.
   */
  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private write(call: Call<unknown>, resolve: Resolve, reject: Reject): Pending {
    const on = call.part === undefined ? call.on : call.part.call.on;
    // Everything that can be wrong is found before anything is written.
    this.check(on);
    const { signal, timeout, refused } = call.options ?? {};
    if (refused !== undefined) throw refused;
    if (signal?.aborted) throw cancelled(signal);
    const limit = limitOf(timeout);
    const limited = signal !== undefined || limit !== undefined;
    // A query that may be cancelled runs only if it reads, so that it can be cancelled at any moment.
    const reads = limited && on === undefined && isQuery(call) && !this.writers.has(call.sql);
    const id = this.number();
    const flags = (call.more === true ? MORE : 0) | (reads ? READS : 0) | (call.trace === undefined ? 0 : TIMED);
    const place = this.outbox.write(id, call.op, call.part?.id ?? on?.id ?? 0, limit, flags, call.write);
    const whole = call.on === on ? call : { ...call, on };
    const pending = pendingOf(id, whole, effectOf(whole, reads), reads, place, resolve, reject);
    this.outbox.add(pending);
    if (signal) pending.unlisten = onAbort(signal, () => this.cancelCall(pending, cancelled(signal)));
    if (limit !== undefined) {
      pending.deadline = performance.now() + limit;
      this.deadlines.add(lastMoment(pending));
    }
    this.pending.add(pending);
    if (this.pending.size === 1) this.channel?.busy(true);
    this.schedule();
    return pending;
  }

  /** @throws `Closed`, or why the handle takes no calls */
  private check(on: RemoteHandle | undefined): void {
    if (this.state === 'closed' || (this.state === 'closing' && on === undefined)) throw closed();
    const over = on?.over;
    if (over !== undefined) throw over;
    if (on !== undefined && on.engine !== this.handles.engine) throw rolledBack('the engine it was in is gone');
  }

  private number(): number {
    do {
      this.last = (this.last + 1) >>> 0;
      // After four billion requests the numbers start over.
    } while (this.last === 0 || !this.pending.isFree(this.last) || this.handles.has(this.last));
    return this.last;
  }

  /** Sends a message without a reply. An engine that is gone keeps nothing and runs nothing. */
  private tell(op: number, on: number): void {
    if (this.channel === undefined) return;
    this.outbox.write(this.number(), op, on);
    this.flush();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    // In browsers this takes a tenth of the time of `queueMicrotask`, which calls out of the JavaScript engine.
    void SETTLED.then(this.onTurn);
  }

  /** Posts what was written, or connects to an engine that it can be posted to. */
  private flush(): void {
    if (this.outbox.isEmpty) return;
    const { channel } = this;
    if (channel !== undefined) {
      this.outbox.post(channel.post);
      channel.posted?.();
    } else {
      // The pending calls report a failure.
      this.connect().catch(() => {});
    }
  }

  private connect(): Promise<void> {
    if (this.channel !== undefined) return Promise.resolve();
    this.connecting ??= this.reach().finally(() => {
      this.connecting = undefined;
      // For requests made in the meantime, if the engine is already lost again.
      if (this.channel === undefined && this.state !== 'closed') this.flush();
    });
    return this.connecting;
  }

  private async reach(): Promise<void> {
    const engine = this.handles.engine + 1;
    const known = new Known(this.known.bigints);
    const first = this.introduction && new Introduction(this.introduction, this.number(), known);
    let channel: Channel | undefined;
    let early: string | undefined;
    try {
      channel = await introduced(this.connector, first, {
        message: (batch) => this.receive(engine, batch),
        lost: (reason, broke) => {
          if (this.handles.engine === engine) this.lose(engine, reason, broke);
          else early = reason;
        },
      });
    } catch (error) {
      this.refuse(asError(error));
      throw error;
    }
    if (this.state === 'closed') {
      await channel.close();
      throw closed();
    }
    this.handles.engine = engine;
    this.known = known;
    this.channel = channel;
    channel.busy(this.pending.size > 0);
    if (early === undefined) this.flush();
    else this.lose(engine, early);
  }

  /** Rejects all pending calls: no reply will come, for this reason. */
  private refuse(error: UbiqliteError): void {
    this.outbox.clear();
    for (const pending of this.pending.all(this.last)) {
      this.over(pending);
      rejectCall(pending, mayHaveHappened(pending) ? unknown(error.message) : (pending.withdrawn?.reason ?? error));
    }
  }

  private receive(engine: number, batch: Replies): void {
    const { channel } = this;
    if (engine !== this.handles.engine || channel === undefined) return;
    try {
      deliver(batch, this.known, this.pending, this.ends);
    } catch (error) {
      // Later replies depend on the one that could not be read.
      this.lose(engine, error instanceof Error ? error.message : String(error));
      void channel.close();
    }
  }

  /** Handles a call that failed in the engine. */
  private fail(pending: Pending, error: unknown): void {
    const kind = error instanceof UbiqliteError ? error.kind : undefined;
    if (kind === 'OutcomeUnknown' && pending.reads && !pending.doubted && this.isPending(pending)) {
      this.writes(pending);
      return;
    }
    // Parts of its reply that are still to come find no pending call.
    this.over(pending);
    const { withdrawn } = pending;
    rejectCall(pending, withdrawn !== undefined && kind === 'Cancelled' ? withdrawn.reason : error);
  }

  /** Sends a call again as a write: its statement changes something, and did not run. */
  private writes(pending: Pending): void {
    this.writers.add(pending.call.sql);
    this.pending.delete(pending);
    pending.id = this.number();
    pending.reads = false;
    pending.effect = effectOf(pending.call, false);
    this.pending.add(pending);
    this.outbox.repeat(pending);
    this.schedule();
  }

  /** Handles the loss of the engine. */
  private lose(engine: number, reason: string, broke?: Broke): void {
    if (engine !== this.handles.engine || this.channel === undefined) return;
    this.channel = undefined;
    for (const pending of this.pending.all(this.last)) {
      if (pending.withdrawn === undefined) continue;
      this.over(pending);
      rejectCall(pending, mayHaveHappened(pending) ? unknown(reason) : pending.withdrawn.reason);
    }
    const ended = this.outbox.renew(this.pending.all(this.last), reason, broke);
    this.handles.clear(() => rolledBack(reason));
    for (const [pending, error] of ended) {
      this.over(pending);
      rejectCall(pending, error);
    }
    this.settled();
    this.flush();
  }

  /** Removes a call from the pending ones. Returns false if it was not pending. */
  private over(pending: Pending): boolean {
    if (!this.isPending(pending)) return false;
    this.pending.delete(pending);
    pending.unlisten?.();
    pending.unlisten = undefined;
    if (this.pending.size === 0) {
      this.channel?.busy(false);
      this.settled();
    }
    pending.settled?.();
    return true;
  }

  /** Cancels calls that have taken too long, and returns when to look again. */
  private expire(now: number): number {
    let next = Infinity;
    for (const pending of this.pending.all(this.last)) {
      if (now >= lastMoment(pending)) this.isLate(pending);
      if (this.isPending(pending)) next = Math.min(next, lastMoment(pending));
    }
    return next;
  }

  private isLate(pending: Pending): void {
    if (pending.withdrawn === undefined) {
      this.cancelCall(pending, tooLate());
      return;
    }
    this.over(pending);
    this.tell(Op.cancel, pending.id);
    rejectCall(pending, unknown('the engine did not report the outcome of the abandoned call'));
  }

  private async shut(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closing';
    this.atClose.endFirst();
    this.handles.closing();
    this.flush();
    // Calls on the database itself are waited for, however long they take.
    const must = (): boolean => this.pending.all(this.last).some(({ call }) => call.on === undefined);
    await this.drain.wait(this.patience, must, () => this.settled());
    await this.atClose.endLast();
    this.state = 'closed';
    this.deadlines.stop();
    this.handles.clear(closed);
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
    if (this.pending.size === 0 && this.handles.isEmpty) this.drain.reached();
  }
}
