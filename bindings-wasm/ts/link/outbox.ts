import { Op, READS, TIMEOUT } from '../wire/ops.js';
import { type Taker, Writer } from '../wire/writer.js';
import type { Pending } from './call.js';
import type { Broke } from './connector.js';
import { isKept, whenLost } from './course.js';

/** Where in a request they are. */
const ID = 4;
const FLAGS = 9;

/**
 * Requests that are written, until they are posted; and the bytes of those that
 * may have to be posted again. They are written once: what their caller does with
 * the values afterwards changes nothing.
 */
export class Outbox {
  private readonly out = new Writer();
  /** Those that were not posted yet: so many of these. What is emptied would have to grow anew with each message. */
  private readonly fresh: (Pending | undefined)[] = [];
  private freshCount = 0;

  /** @param lasting the engine is: see `Connector` */
  constructor(private readonly lasting: boolean) {}

  get isEmpty(): boolean {
    return this.out.isEmpty;
  }

  /**
   * Writes a request.
   *
   * @param on the number of what it is asked of
   * @returns its place
   * @throws what `write` throws; nothing is written then
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

  /** Notes whose request was just written. */
  add(pending: Pending): void {
    const { out } = this;
    pending.piece = out.piece;
    pending.length = out.place - pending.place;
    pending.kept = isKept(pending, this.lasting);
    if (pending.kept) out.keep();
    this.fresh[this.freshCount] = pending;
    this.freshCount += 1;
  }

  /** Takes back a request that was not posted: one that gives up itself does nothing. */
  blank(pending: Pending): void {
    this.out.blank(pending.place, pending.id, Op.cancel);
    const { fresh, freshCount } = this;
    const place = fresh.indexOf(pending);
    if (place < 0 || place >= freshCount) return;
    fresh.splice(place, 1);
    this.freshCount -= 1;
  }

  /** Posts all that was written. */
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

  /** Writes a request once more, by another number, and as one that may change something. */
  repeat(pending: Pending): void {
    const bytes = this.bytesOf(pending);
    new DataView(bytes.buffer).setUint32(ID, pending.id, true);
    bytes[FLAGS] &= ~READS;
    this.rewrite(pending, bytes);
  }

  /**
   * The engine is gone: keeps what goes to the next one, in its order, and returns what the others are told.
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
      const verdict = whenLost(pending, reason);
      // More rows go where their call goes.
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
    // Its answer begins from the start.
    pending.before = undefined;
    this.out.raw(bytes);
    this.add(pending);
  }

  private bytesOf({ posted, piece: kept, place, length }: Pending): Uint8Array<ArrayBuffer> {
    // Until a request is posted it moves with the writer.
    const piece = (posted && kept) || this.out.piece;
    return piece.bytes.slice(place - piece.base, place - piece.base + length);
  }
}

/** A request that may have been carried out is carried out again only if it changes nothing. */
function doubt(pending: Pending, bytes: Uint8Array): Uint8Array {
  if (!pending.posted || pending.cleared || pending.effect === 'nothing') return bytes;
  pending.doubted = pending.reads = true;
  pending.effect = 'nothing';
  bytes[FLAGS] |= READS;
  return bytes;
}
