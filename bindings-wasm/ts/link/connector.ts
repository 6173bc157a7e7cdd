import type { Replies } from '../wire/letters.js';
import type { Taker } from '../wire/writer.js';

/** How an engine broke. */
export interface Broke {
  /** The request of this client that it ran; 0: that is not known, and it may be any. */
  request: number;
  /** Whether that had begun to change something. */
  changes: boolean;
}

/** What an engine says to a client. */
export interface ChannelEvents {
  /** A batch of replies. */
  message(batch: Replies): void;
  /**
   * The engine is gone: nothing comes any more. Called once, never after `close()`.
   *
   * @param broke it broke by a request of this client; `undefined`: it did not, or by somebody else's
   */
  lost(reason: string, broke?: Broke): void;
}

/** A way to the engine of one database, which has it open for this client. */
export interface Channel {
  /** The client's number, which no other client of the engine has. */
  readonly client: number;
  /** Sends a batch of requests. */
  readonly post: Taker<void>;
  /** What was posted is the channel's no longer: replies that were there at once can be told. */
  posted?(): void;
  /** Stops a request that may be running, which hears no message meanwhile. */
  stop(request: number): void;
  /**
   * Stops a request, as `stop`; true if it is certain that the engine has not begun it, and never will. Where this
   * is missing only the engine's word tells.
   */
  withdraw?(request: number): boolean;
  /** Says whether calls are pending: in Node the process lives that long. */
  busy(pending: boolean): void;
  /** Has the engine answer what it accepted, then let this client go. */
  close(): Promise<void>;
}

/** Finds the engine of one database, and finds it again when it was lost. */
export interface Connector {
  /** Which engine it finds, where that is not the wasm one. */
  readonly engine?: 'native';
  /**
   * Its engines are lost only by a defect, or when nothing is under way, so that the bytes of what was posted are not
   * kept for the next one: calls that only read fail with the engine as others do.
   */
  readonly lasting?: true;
  /**
   * Resolves when an engine is reachable and has opened the database.
   *
   * @throws UbiqliteError that says why it cannot be
   */
  connect(events: ChannelEvents): Promise<Channel>;
  close(): Promise<void>;
}
