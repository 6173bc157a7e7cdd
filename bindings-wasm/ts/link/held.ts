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
    /** What it is a part of. */
    private readonly inside?: Held,
  ) {}

  /** Whether it is `other`, or a part of it. */
  isWithin(other: Held): boolean {
    return this === other || this.inside?.isWithin(other) === true;
  }
}
