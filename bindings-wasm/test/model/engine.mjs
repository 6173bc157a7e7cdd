/**
 * An engine that runs requests on a set of numbers and records what it did: an independent
 * implementation of the rules of handles and of cancellation. Its statements are `W n`,
 * which adds n for good when it is committed, `R n`, which reads, and `F n`, which fails.
 */

import { OP, count, credit, done, error, executed, handle, row } from './bytes.mjs';
import { clock } from './clock.mjs';

const ENDS = new Set([OP.commit, OP.rollback, OP.release]);
const LENDS = new Set([OP.begin, OP.savepoint, OP.acquire, OP.snapshot, OP.stream]);
const KIND = { [OP.begin]: 'transaction', [OP.savepoint]: 'savepoint', [OP.acquire]: 'session', [OP.snapshot]: 'snapshot', [OP.stream]: 'stream' };

/** What remains when an engine is lost. */
export class Store {
  constructor() {
    /** How often each number was committed. */
    this.times = new Map();
  }

  commit(numbers) {
    for (const number of numbers) this.times.set(number, (this.times.get(number) ?? 0) + 1);
  }
}

export class Engine {
  /**
   * @param say sends a reply
   * @param hears whether all messages that have arrived are handled before the next request begins
   */
  constructor(store, random, say, hears) {
    Object.assign(this, { store, random, say, hears });
    this.handles = new Map();
    /** Requests that have arrived but not begun. */
    this.inbox = [];
    /** Requests that wait for the lock, or for earlier calls on their handle. */
    this.waiting = [];
    /** The request that runs for more than one step. */
    this.running = undefined;
    /** The handle that holds the write lock. */
    this.lock = undefined;
    this.feeds = new Map();
    /** The handle that each write was made in. */
    this.recent = new Map();
    /** Requests cancelled through shared memory, or through the file that a running statement checks. */
    this.given = new Set();
    this.begun = new Set();
    this.closed = false;
  }

  get isIdle() {
    return this.inbox.length === 0 && this.running === undefined && !this.waiting.some((it) => this.isReady(it) || this.isLate(it));
  }

  hear(requests) {
    for (const request of requests) {
      request.until = request.limit === undefined ? Infinity : clock.now + request.limit;
      if (this.hears && (request.op === OP.cancel || request.op === OP.withdraw)) {
        const place = this.inbox.findIndex((it) => it.id === request.on);
        if (place >= 0) {
          const [taken] = this.inbox.splice(place, 1);
          this.refuse(taken, request.op === OP.withdraw);
          continue;
        }
      }
      this.inbox.push(request);
    }
  }

  /** Takes the next step. */
  step() {
    const { running } = this;
    if (running !== undefined) {
      this.running = undefined;
      if (this.given.has(running.id) && !ENDS.has(running.op)) this.fail(running, 'Cancelled');
      else this.carryOut(running);
      return;
    }
    const next = this.waiting.findIndex((it) => this.isReady(it) || this.isLate(it));
    if (next >= 0) {
      const [request] = this.waiting.splice(next, 1);
      if (this.isReady(request)) this.start(request);
      else this.fail(request, 'Timeout');
      return;
    }
    const request = this.inbox.shift();
    if (request !== undefined) this.take(request);
  }

  isLate(request) {
    return clock.now >= request.until && !ENDS.has(request.op);
  }

  /** Returns the outermost handle, in whose order a call runs. */
  outermost(number) {
    let at = number;
    for (let it = this.handles.get(at); it !== undefined && it.inside !== 0; it = this.handles.get(at)) at = it.inside;
    return at;
  }

  isReady(request) {
    if (request.op === OP.executeMany && this.feeds.get(request.id)?.whole === false) return false;
    const line = request.on === 0 ? 0 : this.outermost(request.on);
    if (line !== 0 && this.waiting.some((it) => it !== request && it.order < request.order && it.on !== 0 && this.outermost(it.on) === line)) return false;
    return !this.needsLock(request) || this.lock === undefined || this.lock === this.lockOf(request);
  }

  lockOf(request) {
    return request.on === 0 ? undefined : this.outermost(request.on);
  }

  needsLock(request) {
    const on = this.handles.get(request.on);
    if (request.on !== 0 && on === undefined) return false;
    if (on !== undefined && on.kind !== 'session') return false;
    if (request.op === OP.begin) return true;
    if (request.op === OP.executeMany) return true;
    return request.op <= OP.queryValue && request.text.startsWith('W') && !request.reads;
  }

  take(request) {
    const { id, op, on } = request;
    if (op === OP.cancel) return this.cancel(on);
    if (op === OP.withdraw) return this.withdraw(on);
    if (op === OP.drop) return this.drop(on);
    if (op === OP.more) return this.more(request);
    // As with shared memory: both sides write before they read.
    this.begun.add(id);
    if (this.given.has(id)) return this.refuse(request, true);
    request.order = this.order = (this.order ?? 0) + 1;
    if (op === OP.executeMany) this.feeds.set(id, { whole: !request.more });
    if (!this.isReady(request)) this.waiting.push(request);
    else this.start(request);
  }

  start(request) {
    if (this.random.once(3)) this.running = request;
    else this.carryOut(request);
  }

  more({ id, on, more }) {
    this.say(credit(id));
    const feed = this.feeds.get(on);
    if (feed !== undefined && !more) feed.whole = true;
  }

  carryOut(request) {
    const { id, op, on, text, reads } = request;
    this.feeds.delete(id);
    const place = this.handles.get(on);
    if (on !== 0 && place === undefined) return this.fail(request, 'Closed');
    if (ENDS.has(op)) return this.end(request, place);
    if (op === OP.next) {
      this.drop(on, id);
      return this.say(row(id, 1, true));
    }
    const covered = on !== 0 && [...this.handles.values()].some((it) => it.inside === on && it.kind !== 'stream');
    if (covered) return this.fail(request, 'InvalidArgument');
    if (place?.spoiled === true) return this.fail(request, 'Cancelled');
    if (LENDS.has(op)) {
      this.handles.set(id, { kind: KIND[op], inside: on, numbers: [], spoiled: false });
      if (op === OP.begin) this.lock = this.outermost(id);
      return this.say(handle(id));
    }
    const [what, number] = [text[0], Number(text.slice(2))];
    if (what === 'F') return this.fail(request, 'UniqueViolation');
    if (what === 'W') {
      if (reads) return this.fail(request, 'OutcomeUnknown');
      if (place === undefined || place.kind === 'session') this.store.commit([number]);
      else {
        place.numbers.push(number);
        this.recent.set(id, on);
      }
    }
    if (op === OP.execute) this.say(executed(id));
    else if (op === OP.executeMany) this.say(count(id));
    else this.say(row(id, number));
  }

  end({ id, op, on }, place) {
    const parts = [...this.handles].filter(([, it]) => it.inside === on && it.kind !== 'stream');
    const keeps = op !== OP.rollback;
    const refused = keeps && (place.spoiled ? 'Cancelled' : parts.length > 0 ? 'InvalidArgument' : undefined);
    if (!refused) {
      if (op === OP.commit) this.store.commit(place.numbers);
      else if (op === OP.release) {
        this.handles.get(place.inside).numbers.push(...place.numbers);
        this.recent.set(id, place.inside);
      }
      this.drop(on, id);
      this.say(done(id));
    } else {
      this.drop(on, id);
      this.say(error(id, refused));
    }
  }

  /** Drops a handle and all handles inside it; if an end (`by`) does so, waiting calls on the handle are cancelled. */
  drop(number, by) {
    const place = this.handles.get(number);
    if (place === undefined) return;
    for (const [part, it] of [...this.handles]) if (it.inside === number) this.drop(part, by);
    if (by !== undefined) for (const it of this.waiting) if (it.on === number && it.id !== by) this.say(error(it.id, 'Cancelled'));
    if (this.lock === this.outermost(number) && place.kind !== 'savepoint' && place.kind !== 'stream') this.lock = undefined;
    this.waiting = this.waiting.filter((it) => it.on !== number || it.id === by);
    this.handles.delete(number);
  }

  cancel(number) {
    const place = this.waiting.findIndex((it) => it.id === number);
    if (place >= 0) {
      const [request] = this.waiting.splice(place, 1);
      this.feeds.delete(number);
      if (ENDS.has(request.op)) this.drop(request.on, number);
      return;
    }
    this.drop(number);
    const spoiled = this.handles.get(this.recent.get(number));
    if (spoiled !== undefined) spoiled.spoiled = true;
  }

  withdraw(number) {
    const place = this.waiting.findIndex((it) => it.id === number);
    if (place < 0) return;
    const [request] = this.waiting.splice(place, 1);
    this.refuse(request, true);
  }

  /** Ends a request that was cancelled before it began. */
  refuse(request, tell) {
    this.feeds.delete(request.id);
    if (ENDS.has(request.op)) this.drop(request.on, request.id);
    if (tell) this.say(error(request.id, 'Cancelled'));
  }

  fail(request, kind) {
    this.feeds.delete(request.id);
    if (ENDS.has(request.op)) this.drop(request.on, request.id);
    this.say(error(request.id, kind));
  }
}
