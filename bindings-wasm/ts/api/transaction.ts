import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import type { Held } from '../link/held.js';
import { cancelled } from '../link/limits.js';
import type { CallOptions } from '../link/options.js';
import { onAbort } from '../link/signals.js';
import { Op } from '../wire/ops.js';
import { type Place, Statements } from './statements.js';

/** How a transaction begins, as in `BEGIN …`: with the write lock, with none until it is needed, or without readers. */
export type Mode = 'immediate' | 'deferred' | 'exclusive';

const MODES: readonly Mode[] = ['immediate', 'deferred', 'exclusive'];

/** @internal */
export async function begin(place: Place, mode: Mode, options: CallOptions | undefined): Promise<Transaction> {
  const number = MODES.indexOf(mode);
  if (number < 0) throw invalid(`a transaction begins as ${MODES.join(', ')}, not as ${JSON.stringify(mode)}`);
  const held = await place.lend(Op.begin, (out) => out.u8(number), options);
  return new Transaction(place.within(held));
}

/**
 * Runs a body in something that is kept if it ends well, and undone if not: at
 * once, if its signal says so. The body is not waited for then, and its calls fail.
 *
 * @internal
 */
export async function within<H extends Nest, T>(
  handle: H,
  keep: (handle: H) => Promise<void>,
  body: (handle: H) => T | PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return run(handle, keep, body);
  let unlisten: (() => void) | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    const giveUp = (): void => {
      handle.undo(() => cancelled(signal, 'the transaction was aborted'));
      reject(cancelled(signal, 'the transaction was aborted'));
    };
    if (signal.aborted) giveUp();
    else unlisten = onAbort(signal, giveUp);
  });
  try {
    return await Promise.race([givenUp, run(handle, keep, body)]);
  } finally {
    unlisten?.();
  }
}

async function run<H extends Nest, T>(
  handle: H,
  keep: (handle: H) => Promise<void>,
  body: (handle: H) => T | PromiseLike<T>,
): Promise<T> {
  let answer: T;
  try {
    answer = await body(handle);
  } catch (error) {
    handle.undo();
    throw error;
  }
  // The body may have ended it itself.
  if (!handle.isOver) await keep(handle);
  return answer;
}

/** What is held, and rolled back unless it is ended. */
class Nest extends Statements implements AsyncDisposable {
  /** @internal */
  get held(): Held {
    return this.place.on as Held;
  }

  /** @internal */
  get isOver(): boolean {
    return this.held.over !== undefined;
  }

  /** Runs `body` in a savepoint: what it did is undone, and nothing else, if it throws. */
  async savepoint<T>(body: (savepoint: Savepoint) => T | PromiseLike<T>, options?: CallOptions): Promise<T> {
    checkBody(body);
    return within(await this.beginSavepoint(options), (it) => it.release(), body, options?.signal);
  }

  /** Begins a savepoint as a handle: it is undone unless it is released. */
  async beginSavepoint(options?: CallOptions): Promise<Savepoint> {
    return new Savepoint(this.place.within(await this.place.lend(Op.savepoint, undefined, options)));
  }

  /** Rolls back, and waits until that is done. */
  async rollback(options?: CallOptions): Promise<void> {
    await this.end(Op.rollback, options);
  }

  /** Rolls back, and stops what runs in it, if nothing has ended it. @internal */
  undo(why: () => UbiqliteError = over): void {
    this.place.link.drop(this.held, why);
  }

  /** Rolls back unless it was ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver) await this.rollback();
  }

  /** @internal */
  protected async end(op: number, options: CallOptions | undefined): Promise<void> {
    const ended = this.place.call(op, undefined, (reply) => reply.done(), options);
    // Whatever it answers, the engine has ended it; what was asked before still happens in it.
    this.place.link.release(this.held, over);
    await ended;
  }
}

function over(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the transaction or savepoint is over' });
}

/** @throws InvalidArgumentError before anything is begun. @internal */
export function checkBody(body: unknown): void {
  if (typeof body !== 'function') throw invalid('a transaction runs a function, which gets it');
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
