import { invalid } from '../errors.js';

const encoder = new TextEncoder();
const isWellFormed: (text: string) => boolean =
  'isWellFormed' in String.prototype
    ? (text) => (text as string & { isWellFormed(): boolean }).isWellFormed()
    : (text) => {
        try {
          encodeURIComponent(text);
          return true;
        } catch {
          return false;
        }
      };

/** Texts up to this length are copied unit by unit: a call of the encoder costs more. */
const SHORT = 48;

/** A buffer that grows, for numbers and texts one after another. */
export class Writer {
  private bytes: Uint8Array<ArrayBuffer>;
  private view: DataView<ArrayBuffer>;
  /** How many bytes are written. */
  length = 0;

  constructor(room = 1024) {
    this.bytes = new Uint8Array(room);
    this.view = new DataView(this.bytes.buffer);
  }

  /** What is written, in a buffer of its own; this writer is empty then. */
  take(): ArrayBuffer {
    const taken = this.bytes.buffer.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  /** Forgets what was written from `length` on. */
  cut(length: number): void {
    this.length = length;
  }

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  /** Sets a number that was left open. */
  setU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  f64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A safe integer, as 64 bits. */
  integer(value: number): void {
    this.reserve(8);
    this.view.setInt32(this.length, value | 0, true);
    this.view.setInt32(this.length + 4, Math.floor(value / 4294967296), true);
    this.length += 8;
  }

  bigint(value: bigint): void {
    this.reserve(8);
    this.view.setBigInt64(this.length, value, true);
    this.length += 8;
  }

  blob(value: Uint8Array): void {
    this.u32(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /**
   * A text as UTF-8, with its length before it.
   *
   * @throws InvalidArgumentError for half of a surrogate pair, which UTF-8 can't hold
   */
  text(value: string): void {
    const { length } = value;
    if (length <= SHORT) {
      this.reserve(4 + length);
      const start = this.length + 4;
      const { bytes } = this;
      let index = 0;
      for (; index < length; index++) {
        const unit = value.charCodeAt(index);
        if (unit > 127) break;
        bytes[start + index] = unit;
      }
      if (index === length) {
        this.view.setUint32(this.length, length, true);
        this.length = start + length;
        return;
      }
    }
    if (!isWellFormed(value)) {
      throw invalid('a text holds half of a surrogate pair, which no database text can; store it as bytes');
    }
    // A unit of UTF-16 becomes at most three bytes.
    this.reserve(4 + length * 3);
    const { written } = encoder.encodeInto(value, this.bytes.subarray(this.length + 4));
    this.view.setUint32(this.length, written, true);
    this.length += 4 + written;
  }
}
