import type { Replies } from '../wire/latin1.js';
import type { Taker } from '../wire/writer.js';

/** How an engine broke. */
export interface Broke {
  /** The request of this client that it was running; 0: unknown, it may be any. */
  request: number;
  /** Whether that request had begun to change something. */
  changes: boolean;
}

/** The events that an engine sends to a client. */
export interface ChannelEvents {
  /** A batch of replies. */
  message(batch: Replies): void;
  /**
   * The engine is gone, and nothing more will arrive. Called once, never after `close()`.
   *
   * @param broke how a request of this client broke it; `undefined`: it did not break, or by another client's request
   */
  lost(reason: string, broke?: Broke): void;
}

/** A connection to the engine of one database, which has it open for this client. */
export interface Channel {
  /** The client's number, unique among the clients of the engine. */
  readonly client: number;
  /** Sends a batch of requests. */
  readonly post: Taker<void>;
  /** The posted bytes are no longer in use, so replies that are available at once can be delivered. */
  posted?(): void;
  /** Stops a request that may be running, and so sees no message in the meantime. */
  stop(request: number): void;
  /**
   * Stops a request, like `stop`. Returns true if it is certain that the engine has not begun it and never will.
   * Without this method, only the engine's word shows it.
   */
  withdraw?(request: number): boolean;
  /** Reports whether calls are pending. In Node they keep the process alive. */
  busy(pending: boolean): void;
  /** Makes the engine reply to everything it accepted, then release this client. */
  close(): Promise<void>;
}

/** Finds the engine of one database, and finds it again after it was lost. */
export interface Connector {
  /** Which engine it finds, if not the wasm one. */
  readonly engine?: 'native';
  /**
   * Its engines are lost only through a defect, or when nothing is in progress. So the bytes of posted requests are
   * not kept for the next engine: calls that only read fail with the engine, like all others.
   */
  readonly lasting?: true;
  /**
   * Resolves once an engine is reachable and has opened the database.
   *
   * @throws UbiqliteError that says why it cannot be
   */
  connect(events: ChannelEvents): Promise<Channel>;
  close(): Promise<void>;
}
