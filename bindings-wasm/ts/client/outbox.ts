import { Op, READS, TIMEOUT } from '../wire/ops.js';
import { type Taker, Writer } from '../wire/writer.js';
import type { Pending } from './call.js';
import type { Broke } from './connector.js';
import { isKept, whenEngineLost } from './call-state.js';

/** Offsets within a request. */
const ID = 4;
const FLAGS = 9;

/**
 * Requests that are written but not yet posted, and the bytes of those that may have to be
 * posted again. Each is written once: later changes to the caller's values have no effect.
 */
export class Outbox {
  private readonly out = new Writer();
  /** The first `freshCount` are not posted yet. An emptied array would have to grow again with each message. */
  private readonly fresh: (Pending | undefined)[] = [];
  private freshCount = 0;

  /** @param lasting whether the engine is a lasting one: see `Connector` */
  constructor(private readonly lasting: boolean) {}

  get isEmpty(): boolean {
    return this.out.isEmpty;
  }

  /**
   * Writes a request.
   *
   * @param on the number of what it is made on
   * @returns its position
   * @throws what `write` throws; then nothing is written
   */
  write(id: number, op: number, on: number, limit?: number, flags = 0, write?: (out: Writer) => void): number {
    const { out } = this;
    const place = out.place;
    try {
      out.head(id, op, (limit === undefined ? 0 : TIMEOUT) | flags, on);
      if (limit !== undefined) out.u32(limit);
      write?.(out);
    } catch (error) {
      out.cut(place);
      throw error;
    }
    out.setU32(place, out.place - place - 4);
    return place;
  }

  /** Records whose request was just written. */
  add(pending: Pending): void {
    const { out } = this;
    pending.piece = out.piece;
    pending.length = out.place - pending.place;
    pending.kept = isKept(pending, this.lasting);
    if (pending.kept) out.keep();
    this.fresh[this.freshCount] = pending;
    this.freshCount += 1;
  }

  /** Takes back a request that was not posted, by turning it into one that cancels itself and so does nothing. */
  blank(pending: Pending): void {
    this.out.blank(pending.place, pending.id, Op.cancel);
    const { fresh, freshCount } = this;
    const place = fresh.indexOf(pending);
    if (place < 0 || place >= freshCount) return;
    fresh.splice(place, 1);
    this.freshCount -= 1;
  }

  /** Posts everything that was written. */
  post(by: Taker<void>): void {
    const { fresh, freshCount } = this;
    for (let index = 0; index < freshCount; index += 1) {
      const pending = fresh[index];
      if (pending !== undefined) pending.posted = true;
      fresh[index] = undefined;
    }
    this.freshCount = 0;
    this.out.take(by);
  }

  clear(): void {
    this.out.clear();
    this.fresh.length = this.freshCount = 0;
  }

  /** Writes a request again, under another number and as one that may change something. */
  repeat(pending: Pending): void {
    const bytes = this.bytesOf(pending);
    new DataView(bytes.buffer).setUint32(ID, pending.id, true);
    bytes[FLAGS] &= ~READS;
    this.rewrite(pending, bytes);
  }

  /**
   * Handles the loss of the engine: keeps the calls that go to the next one, in order, and returns the others with
   * their errors.
   *
   * @param broke how the engine broke, if it did
   */
  renew(all: readonly Pending[], reason: string, broke?: Broke): (readonly [Pending, Error])[] {
    const kept = new Map<Pending, Uint8Array>();
    const ended: (readonly [Pending, Error])[] = [];
    for (const pending of all) {
      const { part } = pending.call;
      if (broke !== undefined && pending.posted && [0, pending.id].includes(broke.request)) {
        pending.broke += 1;
        pending.cleared = !broke.changes;
      }
      const verdict = whenEngineLost(pending, reason);
      // Further rows go where their call goes.
      const again = part === undefined ? verdict === 'again' : kept.has(part);
      if (again) kept.set(pending, doubt(pending, this.bytesOf(pending)));
      else ended.push([pending, verdict === 'again' ? new Error(reason) : verdict]);
    }
    this.clear();
    for (const [pending, bytes] of kept) this.rewrite(pending, bytes);
    return ended;
  }

  private rewrite(pending: Pending, bytes: Uint8Array): void {
    pending.place = this.out.place;
    pending.posted = pending.cleared = false;
    // Its reply starts from the beginning.
    pending.before = undefined;
    this.out.raw(bytes);
    this.add(pending);
  }

  private bytesOf({ posted, piece: kept, place, length }: Pending): Uint8Array<ArrayBuffer> {
    // Until a request is posted, it moves with the writer.
    const piece = (posted && kept) || this.out.piece;
    return piece.bytes.slice(place - piece.base, place - piece.base + length);
  }
}

/** Marks a request that may have been carried out, so that it runs again only if it changes nothing. */
function doubt(pending: Pending, bytes: Uint8Array): Uint8Array {
  if (!pending.posted || pending.cleared || pending.effect === 'nothing' || pending.call.repeats === true) return bytes;
  pending.doubted = pending.reads = true;
  pending.effect = 'nothing';
  bytes[FLAGS] |= READS;
  return bytes;
}
