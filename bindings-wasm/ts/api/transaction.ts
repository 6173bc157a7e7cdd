import { errorOf, invalid } from '../errors.js';
import type { Held } from '../link/held.js';
import { type CallOptions, merged } from '../link/options.js';
import { Op } from '../wire/ops.js';
import { Place, Statements } from './statements.js';

/** How a transaction begins, as in `BEGIN …`: with the write lock, with none until it is needed, or without readers. */
export type Mode = 'immediate' | 'deferred' | 'exclusive';

const MODES: readonly Mode[] = ['immediate', 'deferred', 'exclusive'];

/** @internal */
export async function begin(place: Place, mode: Mode, options: CallOptions | undefined): Promise<Transaction> {
  if (!MODES.includes(mode)) throw invalid(`a transaction begins as ${MODES.map((it) => `'${it}'`).join(', ')}`);
  const write = (out: import('../wire/writer.js').Writer): void => out.u8(MODES.indexOf(mode));
  const id = await place.call(Op.begin, write, (reply) => reply.extra, options);
  return new Transaction(place, id);
}

/** Runs a body in something that is kept if it ends well, and undone if not. @internal */
export async function within<H extends { undo(): Promise<void> }, T>(
  handle: H,
  keep: (handle: H) => Promise<void>,
  body: (handle: H) => T | PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  let answer: T;
  try {
    answer = await (signal === undefined ? body(handle) : untilAborted(body(handle), signal));
    await keep(handle);
  } catch (error) {
    await handle.undo();
    throw error;
  }
  return answer;
}

/** The body's answer, or a rejection as soon as the signal says so. */
function untilAborted<T>(answer: T | PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(errorOf({ kind: 'Cancelled', message: 'the transaction was aborted' }, { cause: signal.reason }));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(answer).then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** What is held, and rolled back unless it is ended. @internal */
class Nest extends Statements implements AsyncDisposable {
  /** @internal */
  readonly held: Held;

  /** @internal */
  constructor(place: Place, id: number) {
    const { link, defaults } = place;
    const owner = {};
    const held = link.keep(id, owner, place.on);
    super(new Place(link, held, defaults));
    this.held = held;
    // Kept alive by this handle: when that is garbage, the engine lets go.
    this.owner = owner;
  }

  /** @internal */
  readonly owner: object;

  /** Runs `body` in a savepoint: what it did is undone, and nothing else, if it throws. */
  async savepoint<T>(body: (savepoint: Savepoint) => T | PromiseLike<T>, options?: CallOptions): Promise<T> {
    const savepoint = await this.beginSavepoint(options);
    return within(savepoint, (it) => it.release(), body, options?.signal);
  }

  /** Begins a savepoint as a handle: it is undone unless it is released. */
  async beginSavepoint(options?: CallOptions): Promise<Savepoint> {
    const id = await this.place.call(Op.savepoint, undefined, (reply) => reply.extra, options);
    return new Savepoint(this.place, id);
  }

  /** Rolls back, and waits until that is done. */
  async rollback(options?: CallOptions): Promise<void> {
    await this.end(Op.rollback, options);
  }

  /** Rolls back if nothing has ended it; never throws. @internal */
  async undo(): Promise<void> {
    if (this.held.over) return;
    const { link } = this.place;
    // What still runs in it would be waited for.
    link.cancelOn(this.held, errorOf({ kind: 'Cancelled', message: 'the transaction was given up' }));
    if (link.isOver(this.held)) link.forget(this.held);
    else await this.end(Op.rollback, {}).catch(() => link.drop(this.held));
  }

  /** Rolls back unless it was ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.undo();
  }

  /** @internal */
  protected async end(op: number, options: CallOptions | undefined): Promise<void> {
    const { link } = this.place;
    const { held } = this;
    const ended = link.call({ op, on: held, read: () => undefined, options: merged(this.place.defaults, options) });
    // Whatever it answers, the engine has ended it.
    if (!link.isOver(held)) link.forget(held);
    await ended;
  }
}

/**
 * An open transaction. What it reads includes what it wrote; nobody else sees that
 * before the commit. Ended neither by `commit()` nor by `rollback()`, it is rolled
 * back when its scope ends (`await using`), its tab closes or it is garbage.
 */
export class Transaction extends Nest {
  /**
   * Commits: everything is durable, or nothing happened.
   * @throws {@link UbiqliteError} `ForeignKeyViolation` for a deferred foreign key, `DiskFull`, `Io`; it is rolled
   * back then. `OutcomeUnknown` if the engine was lost in the middle of it
   */
  async commit(options?: CallOptions): Promise<void> {
    await this.end(Op.commit, options);
  }
}

/** A savepoint inside a transaction: a part of it that can be undone alone. */
export class Savepoint extends Nest {
  /** Keeps what was done in it, as part of the transaction around it. */
  async release(options?: CallOptions): Promise<void> {
    await this.end(Op.release, options);
  }
}
