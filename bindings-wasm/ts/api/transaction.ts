import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import type { Held } from '../link/held.js';
import type { CallOptions } from '../link/options.js';
import { Scope } from '../link/scope.js';
import { Op } from '../wire/ops.js';
import { type Place, Statements } from './statements.js';

/** How a transaction begins, as in `BEGIN …`: with the write lock, with none until it is needed, or without readers. */
export type Mode = 'immediate' | 'deferred' | 'exclusive';

const MODES: readonly Mode[] = ['immediate', 'deferred', 'exclusive'];

/** @internal */
export async function begin(place: Place, options: CallOptions & { mode?: Mode }): Promise<Transaction> {
  const { mode = 'immediate', ...call } = options ?? {};
  const number = MODES.indexOf(mode);
  if (number < 0) throw invalid(`a transaction begins as ${MODES.join(', ')}, not as ${JSON.stringify(mode)}`);
  const held = await place.lend(Op.begin, (out) => out.u8(number), call);
  return new Transaction(place.within(held));
}

/**
 * Runs a body in something that is kept if it ends well, and undone if not: at
 * once, if its signal or its time limit says so. The body is not waited for then, and
 * its calls fail. When the body has ended, what keeps it tells what became of it.
 *
 * @internal
 */
export async function within<H extends Nest, T>(
  handle: H,
  keep: (handle: H, options: CallOptions) => Promise<void>,
  body: (handle: H) => T | PromiseLike<T>,
  scope: Scope,
): Promise<T> {
  let unwatch: (() => void) | undefined;
  let answer: T;
  try {
    const over = new Promise<never>((_, reject) => {
      unwatch = scope.watch((reason) => {
        // The body has ended it itself, and hears what became of that.
        if (handle.held.ended) return;
        handle.undo(() => reason);
        reject(reason);
      });
    });
    over.catch(() => {});
    answer = await Promise.race([over, begun(handle, body)]);
    if (!handle.held.ended) {
      const late = scope.over;
      if (late !== undefined) throw late;
    }
  } catch (error) {
    handle.undo();
    throw error;
  } finally {
    unwatch?.();
  }
  // The body may have ended it itself.
  if (handle.held.ended) return answer;
  // It may have been lost with its engine, of which the body need not have heard.
  if (handle.held.over !== undefined) throw handle.held.over;
  await keep(handle, scope.rest());
  return answer;
}

async function begun<H, T>(handle: H, body: (handle: H) => T | PromiseLike<T>): Promise<T> {
  return body(handle);
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

  /**
   * Runs `body` in a savepoint: what it did is undone, and nothing else, if it throws. The signal and the time limit
   * are of the whole: of the beginning, the body and the release.
   */
  async savepoint<T>(body: (savepoint: Savepoint) => T | PromiseLike<T>, options?: CallOptions): Promise<T> {
    checkBody(body);
    const scope = new Scope(this.place.options(options), 'the savepoint');
    return within(await this.beginSavepoint(scope.rest()), (it, rest) => it.release(rest), body, scope);
  }

  /** Begins a savepoint as a handle: it is undone unless it is released. */
  async beginSavepoint(options?: CallOptions): Promise<Savepoint> {
    return new Savepoint(this.place.within(await this.place.lend(Op.savepoint, undefined, options)));
  }

  /** Rolls back, and waits until that is done. It is rolled back too if the call is given up. */
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
  protected end(op: number, options: CallOptions | undefined): Promise<void> {
    return this.place.link.end(this.held, op, this.place.options(options), over);
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
   * back then. `OutcomeUnknown` if the engine was lost in the middle of it. `InvalidArgument` for options that can't
   * be used: the transaction stays open then. `Cancelled` if it was given up before it began: it is rolled back then;
   * a commit that has begun is waited for
   */
  async commit(options?: CallOptions): Promise<void> {
    await this.end(Op.commit, options);
  }
}

/** A savepoint inside a transaction: a part of it that can be undone alone. */
export class Savepoint extends Nest {
  /** Keeps what was done in it, as part of the transaction around it. Given up before it begins, it is undone. */
  async release(options?: CallOptions): Promise<void> {
    await this.end(Op.release, options);
  }
}
