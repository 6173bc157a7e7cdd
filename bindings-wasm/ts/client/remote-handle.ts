import type { UbiqliteError } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Pending } from './call.js';

/**
 * Something that the engine keeps for this client: a transaction, a savepoint, a
 * session, a snapshot or a stream. It is lost with the engine that made it. Its stages
 * are in `call-state.ts`.
 */
export class RemoteHandle {
  private why: (() => UbiqliteError) | undefined;
  private ending: Pending | undefined;
  /** Its holder ended it, not the loss of its engine. */
  ended = false;
  /** Called when the client closes and it is still open: for what its holder may keep for ever. */
  atClose: (() => void) | undefined;

  constructor(
    /** The number of the request that made it. */
    readonly id: number,
    /** Which engine of this client made it, by their count. */
    readonly engine: number,
    /** The operation that made it. */
    readonly op: number,
    /** What it is part of. */
    private readonly inside?: RemoteHandle,
  ) {}

  /** Why it takes no more calls: its own end, or that of what it is part of. */
  get over(): UbiqliteError | undefined {
    return this.why?.() ?? this.inside?.over;
  }

  /** The transaction that it is or is part of. */
  get transaction(): RemoteHandle | undefined {
    return this.op === Op.begin ? this : this.inside?.transaction;
  }

  /** Whether its end was requested, or that of what it is part of. */
  get isEnding(): boolean {
    return this.ending !== undefined || this.inside?.isEnding === true;
  }

  /** Whether an engine may be committing it or may have committed it. */
  get isCommitting(): boolean {
    return this.ending?.posted === true && this.ending.call.op === Op.commit;
  }

  /** Ends it: it takes no more calls. The first reason stays. */
  end(why: () => UbiqliteError, ending?: Pending): void {
    this.why ??= why;
    this.ending ??= ending;
  }

  /** Whether it is `other` or part of it. */
  isPartOf(other: RemoteHandle): boolean {
    return this === other || this.inside?.isPartOf(other) === true;
  }
}
