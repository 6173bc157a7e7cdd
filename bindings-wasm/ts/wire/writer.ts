import { invalid } from '../errors.js';

const encoder = new TextEncoder();

/** How much is allocated at a time. */
const CHUNK = 1 << 16;
/** With less room than this left, the next request goes to a new piece of memory. */
const LITTLE = 1 << 12;
/** Memory of more than this is not kept for the next requests. */
const LARGE = 1 << 18;
/** A text of up to so many letters is written by a loop: the native encoder costs more to call. */
const SHORT = 128;
/** A text beyond this is measured before it is written, rather than given thrice its length. */
const LONG = 1 << 16;

/** How long the head of a request is. */
const HEAD = 14;

/** Takes what lies there, which is another's again when it returns. */
export type Taker<T> = (bytes: Uint8Array, from: number, to: number) => T;

/** A piece of memory with requests in it. Those that may be sent again are read from it. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The place of its first byte, counted from the first that was ever written. */
  base: number;
}

/**
 * Requests as bytes, one after another. Places are counted from the first byte
 * ever written, so that they outlive a move to larger memory.
 */
export class Writer {
  private bytes = new Uint8Array(CHUNK);
  private view = new DataView(this.bytes.buffer);
  private at = 0;
  /** What is before was taken. */
  private from = 0;
  private current: Piece = { bytes: this.bytes, base: 0 };
  private kept = false;
  /** The text that was written by `repeated` last, unless it is long, and, from the second time on, how. */
  private repeats: string | undefined;
  private repeatsAs: Uint8Array | undefined;

  /** The memory that is written to. */
  get piece(): Piece {
    return this.current;
  }

  /** The place of the next byte. */
  get place(): number {
    return this.current.base + this.at;
  }

  get isEmpty(): boolean {
    return this.at === this.from;
  }

  /** How many bytes were not taken yet. */
  get pending(): number {
    return this.at - this.from;
  }

  /** Has what is written stay as it is in its piece of memory after it was taken. */
  keep(): void {
    this.kept = true;
  }

  /** Takes back everything from this place on. */
  cut(place: number): void {
    this.at = place - this.current.base;
  }

  /** Writes another operation, on `id`, over that of a request that was not taken. */
  blank(place: number, id: number, op: number): void {
    const start = place - this.current.base;
    this.view.setUint8(start + 8, op);
    this.view.setUint32(start + 10, id, true);
  }

  /** Sets a number that was left open at this place. */
  setU32(place: number, value: number): void {
    this.view.setUint32(place - this.current.base, value, true);
  }

  /** Has `by` take all that was written since the last time. */
  take<T>(by: Taker<T>): T {
    const { current } = this;
    const taken = by(this.bytes, this.from, this.at);
    // Their taker has lost its engine within the call: they are written for the next one already.
    if (this.current !== current) return taken;
    if (this.kept) {
      this.from = this.at;
      if (this.bytes.length - this.at < LITTLE) this.renew(CHUNK);
    } else if (this.bytes.length > LARGE) {
      this.from = this.at;
      this.renew(CHUNK);
    } else {
      this.current.base += this.at;
      this.at = this.from = 0;
    }
    return taken;
  }

  /** Forgets what was not taken. */
  clear(): void {
    this.from = this.at;
    this.renew(CHUNK);
  }

  /** The head of a request, whose length is left open. */
  head(id: number, op: number, flags: number, on: number): void {
    this.reserve(HEAD);
    const { view, at } = this;
    view.setUint32(at + 4, id, true);
    view.setUint8(at + 8, op);
    view.setUint8(at + 9, flags);
    view.setUint32(at + 10, on, true);
    this.at = at + HEAD;
  }

  u8(value: number): void {
    this.reserve(1);
    this.view.setUint8(this.at, value);
    this.at += 1;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  f64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** A safe integer, as 64 bits. */
  integer(value: number): void {
    this.reserve(8);
    this.view.setUint32(this.at, value >>> 0, true);
    this.view.setInt32(this.at + 4, Math.floor(value / 4294967296), true);
    this.at += 8;
  }

  bigint(value: bigint): void {
    this.reserve(8);
    this.view.setBigInt64(this.at, value, true);
    this.at += 8;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Bytes after their length. */
  blob(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /**
   * A text as UTF-8, with its length before it.
   *
   * @throws InvalidArgumentError for half of a surrogate pair, which UTF-8 can't hold
   */
  text(text: string): void {
    if (!this.tryText(text)) {
      throw invalid('a text holds half of a surrogate pair, which no database text can; store it as bytes');
    }
  }

  /** A text that is likely the same as the last time, as a statement's is. @throws as `text` */
  repeated(text: string): void {
    if (text !== this.repeats) {
      this.text(text);
      this.repeats = text.length <= LONG ? text : undefined;
      this.repeatsAs = undefined;
    } else if (this.repeatsAs === undefined) {
      const { place } = this;
      this.text(text);
      this.repeatsAs = this.bytes.slice(this.at - (this.place - place), this.at);
    } else {
      this.raw(this.repeatsAs);
    }
  }

  /** As `text`, but false, and nothing written, for half of a surrogate pair. */
  tryText(text: string): boolean {
    const { length } = text;
    if (length > LONG) return this.longText(text);
    this.reserve(4 + 3 * length);
    const { bytes, view, at } = this;
    const start = at + 4;
    if (length <= SHORT) {
      let index = 0;
      while (index < length) {
        const code = text.charCodeAt(index);
        if (code > 127) break;
        bytes[start + index] = code;
        index += 1;
      }
      if (index === length) {
        view.setUint32(at, length, true);
        this.at = start + length;
        return true;
      }
    }
    if (!isWellFormed(text)) return false;
    const { written } = encoder.encodeInto(text, bytes.subarray(start, start + 3 * length));
    view.setUint32(at, written, true);
    this.at = start + written;
    return true;
  }

  private longText(text: string): boolean {
    if (!isWellFormed(text)) return false;
    this.blob(encoder.encode(text));
    return true;
  }

  private reserve(size: number): void {
    if (this.at + size > this.bytes.length) this.renew(Math.max(CHUNK, 2 * (this.at - this.from + size)));
  }

  /** Goes on in new memory, with what was not taken. */
  private renew(size: number): void {
    const rest = this.bytes.subarray(this.from, this.at);
    const base = this.current.base + this.from;
    this.bytes = new Uint8Array(size);
    this.bytes.set(rest);
    this.view = new DataView(this.bytes.buffer);
    this.current = { bytes: this.bytes, base };
    this.at = rest.length;
    this.from = 0;
    this.kept = false;
  }
}

/** Whether every surrogate of the text has its partner. */
export const isWellFormed: (text: string) => boolean =
  typeof String.prototype.isWellFormed === 'function'
    ? (text) => text.isWellFormed()
    : (text) => !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
