import type { UbiqliteError } from '../errors.js';

/**
 * Something that the engine keeps for this client: a transaction, a savepoint, a
 * session, a snapshot or a stream. It is gone with the engine that made it.
 */
export class Held {
  private why: (() => UbiqliteError) | undefined;

  constructor(
    /** The number of the request that made it. */
    readonly id: number,
    /** Counts the engines of this link. */
    readonly engine: number,
    /** What it is a part of. */
    private readonly inside?: Held,
  ) {}

  /** Why it takes no call any more, by its own end or that of what it is a part of. */
  get over(): UbiqliteError | undefined {
    return this.why?.() ?? this.inside?.over;
  }

  /** It takes no call from now on. The first reason stays. */
  end(why: () => UbiqliteError): void {
    this.why ??= why;
  }

  /** Whether it is `other`, or a part of it. */
  isWithin(other: Held): boolean {
    return this === other || this.inside?.isWithin(other) === true;
  }
}
