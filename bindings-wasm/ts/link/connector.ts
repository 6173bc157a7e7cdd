/**
 * What stands between a database's calls and the place where its engine is:
 * written by `ts/node` and `ts/browser`, used by `ts/link`.
 */

/** What a channel tells the link. */
export interface ChannelEvents {
  /** A batch of replies from the engine. */
  message(batch: ArrayBuffer): void;
  /** The engine is gone, and what it had not answered it will not answer. Told at most once, and nothing after it. */
  lost(reason: string): void;
}

/** Finds the engine of one database, and finds it again when it was lost. */
export interface Connector {
  /**
   * Resolves when an engine is reachable and has opened the database with these
   * options; rejects with the reason why not (a `UbiqliteError`). Called again
   * after `lost`.
   */
  connect(events: ChannelEvents): Promise<Channel>;
  /** Lets go of what is needed to find an engine; a `connect` under way rejects. */
  close(): Promise<void>;
}

/** A way to an engine that has the database open. */
export interface Channel {
  /** The number that the engine knows this client by. */
  readonly client: number;
  /** Sends a batch of requests, whose buffer is transferred. */
  post(batch: ArrayBuffer): void;
  /** Stops the call of this request should it be running right now. */
  stop(request: number): void;
  /** Whether calls are pending: a Node process stays alive for those. */
  busy(pending: boolean): void;
  /** Orderly: what was accepted is done and answered, then the client is let go. Told `lost` never after it. */
  close(): Promise<void>;
}
