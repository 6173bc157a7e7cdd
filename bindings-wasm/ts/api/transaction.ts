import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import type { RemoteHandle } from '../client/remote-handle.js';
import type { CallOptions } from '../client/options.js';
import { Scope } from '../client/scope.js';
import { Op } from '../wire/ops.js';
import { type Applied, type Policies, type Policy, apply } from './apply.js';
import { type CallTarget, Statements } from './statements.js';

/** How a transaction begins, as in `BEGIN …`: with the write lock, without a lock until needed, or without readers. */
export type Mode = 'immediate' | 'deferred' | 'exclusive';

const MODES: readonly Mode[] = ['immediate', 'deferred', 'exclusive'];

/** @internal */
export async function begin(target: CallTarget, options: CallOptions & { mode?: Mode }): Promise<Transaction> {
  const { mode = 'immediate', ...call } = options ?? {};
  const number = MODES.indexOf(mode);
  if (number < 0) throw invalid(`a transaction's mode must be one of ${MODES.join(', ')}, not ${JSON.stringify(mode)}`);
  const remote = await target.openHandle(Op.begin, (out) => out.u8(number), call);
  return new Transaction(target.within(remote));
}

/**
 * Runs a body in a handle that is kept if the body succeeds, and undone if it fails. If the
 * signal is aborted or the time limit passes, it is undone at once: the body is not waited
 * for, and its calls fail. Once the body has ended, `keep` reports the outcome.
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
  let result: T;
  try {
    const over = new Promise<never>((_, reject) => {
      unwatch = scope.watch((reason) => {
        // The body has ended it itself, and learns the outcome from that.
        if (handle.remote.ended) return;
        handle.undo(() => reason);
        reject(reason);
      });
    });
    over.catch(() => {});
    result = await Promise.race([over, begun(handle, body)]);
    if (!handle.remote.ended) {
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
  if (handle.remote.ended) return result;
  // It may have been lost with its engine without the body noticing.
  if (handle.remote.over !== undefined) throw handle.remote.over;
  await keep(handle, scope.rest());
  return result;
}

async function begun<H, T>(handle: H, body: (handle: H) => T | PromiseLike<T>): Promise<T> {
  return body(handle);
}

/** A transaction or savepoint: rolled back unless it is ended. */
class Nest extends Statements implements AsyncDisposable {
  /** @internal */
  get remote(): RemoteHandle {
    return this.target.handle as RemoteHandle;
  }

  /** @internal */
  get isOver(): boolean {
    return this.remote.over !== undefined;
  }

  /**
   * Runs `body` in a savepoint: if it throws, its changes are undone, and nothing else. The signal and the time limit
   * cover the whole: the begin, the body and the release.
   */
  async savepoint<T>(body: (savepoint: Savepoint) => T | PromiseLike<T>, options?: CallOptions): Promise<T> {
    checkBody(body);
    const scope = new Scope(this.target.options(options), 'the savepoint');
    return within(await this.beginSavepoint(scope.rest()), (it, rest) => it.release(rest), body, scope);
  }

  /** Begins a savepoint and returns its handle. It is undone unless it is released. */
  async beginSavepoint(options?: CallOptions): Promise<Savepoint> {
    return new Savepoint(this.target.within(await this.target.openHandle(Op.savepoint, undefined, options)));
  }

  /** Rolls back, and waits until that is done. Even if the call is cancelled, it is rolled back. */
  async rollback(options?: CallOptions): Promise<void> {
    await this.end(Op.rollback, options);
  }

  /** Rolls back and stops whatever runs in it, unless it was ended. @internal */
  undo(why: () => UbiqliteError = over): void {
    this.target.client.drop(this.remote, why);
  }

  /** Stops all calls in it and in what was begun from it. They reject with a CancelledError. @internal */
  interrupt(): void {
    this.target.client.interrupt(this.remote);
  }

  /** Rolls back unless it was ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver) await this.rollback();
  }

  /** @internal */
  protected end(op: number, options: CallOptions | undefined): Promise<void> {
    return this.target.client.end(this.remote, op, this.target.options(options), over);
  }
}

function over(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the transaction or savepoint has ended' });
}

/** @throws InvalidArgumentError, before anything begins. @internal */
export function checkBody(body: unknown): void {
  if (typeof body !== 'function') throw invalid('a transaction must be given a function, which receives it');
}

/**
 * An open transaction. It reads its own writes, which nobody else sees before the commit.
 * Unless ended by `commit()` or `rollback()`, it is rolled back when its scope ends
 * (`await using`), its tab closes or it is garbage-collected.
 */
export class Transaction extends Nest {
  /**
   * Applies changes that were made elsewhere, as {@link Database.apply} does, in this transaction: with a note of how far
   * they were received, for example, so that none is applied twice.
   *
   * ```ts
   * await db.transaction(async (tx) => {
   *   await tx.apply(bytes, 'theirs');
   *   await tx.execute('UPDATE received SET number = ?', [number]);
   * });
   * ```
   * @throws {@link UbiqliteError} as {@link Database.apply}; `InvalidArgument` after a change of recorded tables in the
   * same transaction
   */
  apply(changes: ArrayBuffer | ArrayBufferView, policy: Policy | Policies, options?: CallOptions): Promise<Applied> {
    return apply(this.target, changes, policy, options);
  }

  /**
   * Commits: everything is durable, or nothing happened.
   * @throws {@link UbiqliteError} `ForeignKeyViolation` for a deferred foreign key, `DiskFull`, `Io`: it is then rolled
   * back. `OutcomeUnknown` if the engine was lost in the middle of it. `InvalidArgument` for unusable options: the
   * transaction then stays open. `Cancelled` if the commit was cancelled before it began: it is then rolled back; a
   * commit that has begun is waited for
   */
  async commit(options?: CallOptions): Promise<void> {
    await this.end(Op.commit, options);
  }
}

/** A savepoint inside a transaction: a part of it that can be undone on its own. */
export class Savepoint extends Nest {
  /** Keeps its changes, as part of the transaction around it. If cancelled before it begins, they are undone. */
  async release(options?: CallOptions): Promise<void> {
    await this.end(Op.release, options);
  }
}
