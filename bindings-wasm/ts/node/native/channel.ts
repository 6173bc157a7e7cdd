import { setImmediate } from 'node:timers';
import type { Channel, ChannelEvents } from '../../client/connector.js';
import { type ErrorFields, errorOf } from '../../errors.js';
import type { Source } from '../../wire/latin1.js';
import type { NativeEngine, Native } from './binary.js';

/** How many bytes of replies are read without a buffer of their own. */
const ROOM = 1 << 18;

/**
 * After this many batches of replies, each kilobyte counting as one more, Node's event loop
 * gets a turn. Replies that are available at once are delivered at once, so a program that
 * awaits one read after another would keep timers and sockets waiting forever. The limit is
 * about a millisecond at most, and the turn costs less than one of the reads.
 */
const TURN = 128;

/** What to open: its path, and the files next to it that the wasm engine looks at. */
export interface Wanted {
  path: string;
  options: object;
  presence: string;
  record: string;
  lock: string;
}

/** There is a lock of the wasm engine next to the file. */
export class Locked extends Error {}

/** A database of the native engine, which runs short work on this thread. */
export class NativeChannel implements Channel {
  readonly client = 0;
  private readonly room = new Uint8Array(ROOM);
  /** The contents of the room, in the form in which they are read. */
  private readonly source = { view: new DataView(this.room.buffer), bytes: this.room, size: 0, text: undefined };
  /** Cleared when it is over: it and its wake-up keep each other from being collected. */
  private engine: NativeEngine | undefined;
  private readonly number: number;
  /** The memory that the engine reads requests from. */
  private requests: Uint8Array | undefined;
  private state: 'opening' | 'open' | 'closing' | 'over' = 'opening';
  private events: ChannelEvents | undefined;
  /** How many bytes are to be delivered: positive, in the room; negative, in the engine; 0, none. */
  private filled = 0;
  private delivering = false;
  /** Requests posted while the room was in use may already have replies. */
  private behind = false;
  /** Replies since the last turn of the event loop, counted as for `TURN`. */
  private spent = 0;
  private wanted = false;
  private holding = false;
  /** Resolves once nothing of it is open. */
  readonly over: Promise<void>;
  private ended!: () => void;
  private settle!: { resolve(): void; reject(error: unknown): void };
  private settled!: Promise<void>;
  private turning = false;
  private readonly onTurn = (): void => {
    this.turning = false;
    this.spent = 0;
    this.deliver();
  };

  private constructor(
    private readonly native: Native,
    { path, options, presence, record, lock }: Wanted,
  ) {
    this.over = new Promise((resolve) => (this.ended = resolve));
    this.begin();
    this.engine = native.Engine.open(path, JSON.stringify(options), presence, record, lock, this.room, () => this.wake());
    this.number = this.engine.number();
    this.hold(true);
  }

  /** Opens a database. @throws Locked, or why it cannot be opened */
  static async open(native: Native, wanted: Wanted, events: ChannelEvents): Promise<NativeChannel> {
    const channel = new NativeChannel(native, wanted);
    await channel.settled;
    channel.events = events;
    return channel;
  }

  readonly post = (bytes: Uint8Array, from: number, to: number): void => {
    if (this.state !== 'open') return;
    try {
      const free = this.filled === 0 && !this.delivering;
      if (bytes !== this.requests) {
        this.engine?.setRequests(bytes);
        this.requests = bytes;
      }
      const filled = sound(this.native.submit(this.number, from, to, free ? 1 : 0));
      if (!free) {
        this.behind = true;
        return;
      }
      // The process stays alive until pending requests have their replies.
      if (filled === 0) this.hold(this.wanted);
      else this.filled = filled;
    } catch (error) {
      this.lose(error);
    }
  };

  posted(): void {
    if (this.filled === 0 || this.delivering || this.turning) return;
    if (this.spent < TURN) this.deliver();
    else this.turn();
  }

  /** Does nothing: the request that says so is read at once, since statements of any length run on other threads. */
  stop(): void {}

  busy(pending: boolean): void {
    this.wanted = pending;
    // Requests with immediate replies need no holding, which costs a tenth of a read: see `post`.
    if (!pending && this.state === 'open') this.hold(false);
  }

  close(): Promise<void> {
    if (this.state === 'open') {
      this.state = 'closing';
      this.begin();
      this.hold(true);
      this.attempt(() => this.engine?.close());
    }
    return this.settled;
  }

  /** Closes the engine. The next call finds another one. */
  suspend(reason: string): Promise<void> {
    if (this.state !== 'open') return this.settled;
    const { events } = this;
    const closed = this.close();
    events?.lost(reason);
    return closed;
  }

  private begin(): void {
    this.settled = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    // Nobody has to wait for it.
    this.settled.catch(() => {});
  }

  private wake(): void {
    if (this.state === 'opening' || this.state === 'closing') return this.look();
    if (this.state !== 'open') return;
    this.attempt(() => {
      const occupied = this.filled !== 0 || this.delivering;
      const filled = sound(this.native.run(this.number, occupied ? 0 : 1));
      if (occupied) this.behind = true;
      if (filled === 0) return;
      this.filled = filled;
      // A wake-up is not a turn of the event loop by itself: Node calls its function again
      // while there are more wake-ups, up to a thousand times.
      this.posted();
    });
  }

  /** Checks whether the opening or closing is over. */
  private look(): void {
    this.attempt(() => {
      const came = this.engine?.outcome();
      if (came === undefined || came === null) return;
      const opened = this.state === 'opening' && came === '';
      this.state = opened ? 'open' : 'over';
      this.hold(false);
      if (!opened) this.end();
      if (came === '') this.settle.resolve();
      else if (came === 'locked') this.settle.reject(new Locked());
      else this.settle.reject(errorOf(JSON.parse(came) as ErrorFields));
    });
  }

  /** Delivers after a turn of Node's event loop. */
  private turn(): void {
    this.turning = true;
    setImmediate(this.onTurn);
  }

  private deliver(): void {
    const { filled, source } = this;
    if (filled === 0 || this.state === 'over') return;
    this.spent += 1 + (Math.abs(filled) >> 10);
    this.delivering = true;
    try {
      if (filled > 0) {
        source.size = filled;
        this.events?.message(source);
      } else {
        this.events?.message(this.rest());
      }
      this.delivering = false;
      this.filled = 0;
      if (this.state !== 'open') return;
      if (this.behind) {
        this.behind = false;
        const more = sound(this.native.run(this.number, 1));
        if (more !== 0) {
          this.filled = more;
          return this.turn();
        }
      }
      this.hold(this.wanted);
    } catch (error) {
      this.delivering = false;
      this.filled = 0;
      this.lose(error);
    }
  }

  /** Returns the replies that did not fit in the room. */
  private rest(): Source {
    const bytes = this.engine?.rest() ?? new Uint8Array();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { view, bytes, size: bytes.byteLength, text: undefined };
  }

  private hold(wanted: boolean): void {
    if (this.holding === wanted) return;
    this.holding = wanted;
    this.engine?.hold(wanted);
  }

  private end(): void {
    this.engine = undefined;
    this.ended();
  }

  /** Runs `work`. An exception in the engine is a defect, after which the engine is not used any more. */
  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.lose(error);
    }
  }

  private lose(error: unknown): void {
    const { state, events } = this;
    if (state === 'over') return;
    this.state = 'over';
    const reason = `the native engine crashed: ${error instanceof Error ? error.message : String(error)}`;
    const failed = errorOf({ kind: 'Internal', message: reason });
    try {
      this.hold(false);
      this.engine?.close();
    } catch {
      // It ends with its object.
    }
    this.end();
    this.settle.reject(failed);
    // It is not known which request broke it, nor what that had done.
    if (state === 'open') events?.lost(reason, { request: 0, changes: true });
  }
}

function sound(filled: number | undefined): number {
  if (filled === undefined) throw new Error('it accepted no requests');
  return filled;
}
