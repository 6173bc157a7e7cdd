import { invalid } from '../errors.js';

const encoder = new TextEncoder();

/** How many bytes are allocated at a time. */
const CHUNK = 1 << 16;
/** If less room than this is left, the next request goes to a new piece of memory. */
const LITTLE = 1 << 12;
/** Memory larger than this is not kept for the next requests. */
const LARGE = 1 << 18;
/** A text of up to this many characters is written by a loop: calling the native encoder costs more. */
const SHORT = 128;
/** A text longer than this is encoded separately, instead of reserving three times its length. */
const LONG = 1 << 16;

/** The length of the head of a request. */
const HEAD = 14;

/** Takes the bytes from `from` to `to`, which the caller owns again when it returns. */
export type Taker<T> = (bytes: Uint8Array, from: number, to: number) => T;

/** A piece of memory with requests in it. Those that may be sent again are read from it. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The position of its first byte, counted from the first byte ever written. */
  base: number;
}

/**
 * Writes requests as bytes, one after another. Positions are counted from the first byte
 * ever written, so that they survive a move to larger memory.
 */
export class Writer {
  private bytes = new Uint8Array(CHUNK);
  private view = new DataView(this.bytes.buffer);
  private at = 0;
  /** Everything before this was taken. */
  private from = 0;
  private current: Piece = { bytes: this.bytes, base: 0 };
  private kept = false;
  /** The text that `repeated` wrote last, unless it is long; from the second time on, also its bytes. */
  private repeats: string | undefined;
  private repeatsAs: Uint8Array | undefined;

  /** The memory that is written to. */
  get piece(): Piece {
    return this.current;
  }

  /** The position of the next byte. */
  get place(): number {
    return this.current.base + this.at;
  }

  get isEmpty(): boolean {
    return this.at === this.from;
  }

  /** How many bytes have not been taken yet. */
  get pending(): number {
    return this.at - this.from;
  }

  /** Keeps what is written unchanged in its piece of memory after it is taken. */
  keep(): void {
    this.kept = true;
  }

  /** Discards everything from this position on. */
  cut(place: number): void {
    this.at = place - this.current.base;
  }

  /** Replaces the operation of a request that was not taken by `op`, on `id`. */
  blank(place: number, id: number, op: number): void {
    const start = place - this.current.base;
    this.view.setUint8(start + 8, op);
    this.view.setUint32(start + 10, id, true);
  }

  /** Sets a number that was left open at this position. */
  setU32(place: number, value: number): void {
    this.view.setUint32(place - this.current.base, value, true);
  }

  /** Passes everything that was written since the last time to `by`. */
  take<T>(by: Taker<T>): T {
    const { current } = this;
    const taken = by(this.bytes, this.from, this.at);
    // The taker lost its engine within the call: the requests are already written for the next one.
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

  /** Forgets everything that was not taken. */
  clear(): void {
    this.from = this.at;
    this.renew(CHUNK);
  }

  /** Writes the head of a request, with its length left open. */
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

  /** Writes a safe integer as 64 bits. */
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

  /** Writes the length of the bytes, then the bytes. */
  blob(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /**
   * Writes a text as UTF-8, preceded by its length.
   *
   * @throws InvalidArgumentError for half of a surrogate pair, which UTF-8 can't hold
   */
  text(text: string): void {
    if (!this.tryText(text)) {
      throw invalid('a string contains half of a surrogate pair, which is not valid text; store it as bytes');
    }
  }

  /** Writes a text that is likely the same as last time, such as a statement. @throws as `text` */
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

  /** Like `text`, but for half of a surrogate pair returns false and writes nothing. */
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

  /** Moves to new memory, along with what was not taken. */
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
