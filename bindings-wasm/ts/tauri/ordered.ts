import type { ChannelEvents } from '../client/connector.js';

/** Bytes as a webview delivers them: as numbers where it can't deliver buffers. */
export type Raw = ArrayBuffer | number[];

/** The bytes before requests: the client's number and the message's, each of 4. */
export const REQUEST_HEAD = 8;
/** The bytes before replies: the message's number, and as many that mean nothing. */
const REPLY_HEAD = 8;

/** Delivers messages in the order of their numbers. They arrive on two ways, in any order. */
export class Ordered {
  private next = 0;
  private readonly early = new Map<number, ArrayBuffer>();
  private delivering = false;
  private over = false;

  constructor(private readonly events: Pick<ChannelEvents, 'message'>) {}

  /** Takes a message; one without bytes is none. */
  add(raw: Raw): void {
    const buffer = Array.isArray(raw) ? new Uint8Array(raw).buffer : raw;
    if (this.over || buffer.byteLength < REPLY_HEAD) return;
    this.early.set(new DataView(buffer).getUint32(0, true), buffer);
    // Within a delivery, that one goes on.
    if (this.delivering) return;
    this.delivering = true;
    try {
      this.deliver();
    } finally {
      this.delivering = false;
    }
  }

  /** Delivers nothing any more. */
  end(): void {
    this.over = true;
    this.early.clear();
  }

  private deliver(): void {
    for (;;) {
      const buffer = this.early.get(this.next);
      if (buffer === undefined) return;
      this.early.delete(this.next);
      this.next = (this.next + 1) >>> 0;
      const size = buffer.byteLength - REPLY_HEAD;
      const [view, bytes] = [new DataView(buffer, REPLY_HEAD), new Uint8Array(buffer, REPLY_HEAD)];
      this.events.message({ view, bytes, size, text: undefined });
    }
  }
}
