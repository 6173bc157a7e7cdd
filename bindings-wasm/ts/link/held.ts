/**
 * Something that the engine keeps for this client: a transaction, a savepoint, a
 * session, a snapshot or a stream. It is gone with the engine that made it.
 */
export class Held {
  /** It was ended, or its engine is gone. */
  over = false;

  constructor(
    /** The number of the request that made it. */
    readonly id: number,
    /** Counts the engines of this link. */
    readonly engine: number,
  ) {}
}
