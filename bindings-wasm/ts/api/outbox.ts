import type { CallOptions } from '../client/options.js';
import type { OutboxBatch } from '../client/outbox-batch.js';
import { OutboxBatches, OutboxReader } from '../client/outbox-batches.js';
import { OutboxLoop } from '../client/outbox-loop.js';
import { invalid } from '../errors.js';
import { kindOf } from '../wire/kinds.js';
import { Op } from '../wire/ops.js';
import type { Writer } from '../wire/writer.js';
import type { CallTarget } from './statements.js';

/**
 * The changes of a database that wait to be sent, from {@link Database.outbox}.
 *
 * Each commit that has changed recorded tables has left one batch here, in the same commit: neither is ever there
 * without the other. It stays until it is acknowledged, whatever happens in between. Each loop begins with the oldest
 * batch that is there, and has each once:
 *
 * ```ts
 * const outbox = await db.outbox(['items']);
 * for await (const batch of outbox) {
 *   await send(batch.bytes); // there: await db.apply(bytes, 'theirs')
 *   await outbox.ack(batch.id);
 * }
 * ```
 *
 * The loop waits for the next commit, and ends when the database closes. A loop that was left, since sending failed for
 * example, is followed by another, which has again what was not acknowledged. {@link close} ends the outbox, and so does
 * forgetting it; the tables are still recorded.
 *
 * {@link Database.apply} makes what waits stand on what it applies, which may replace a batch that is being sent: a
 * program does one after the other.
 */
export class Outbox implements AsyncIterable<OutboxBatch>, AsyncDisposable {
  private readonly source: OutboxBatches;
  /** Of {@link next}. */
  private readonly reader = new OutboxReader();

  private constructor(
    private readonly target: CallTarget,
    source: OutboxBatches,
  ) {
    this.source = source;
  }

  /** @internal */
  static async open(target: CallTarget, tables: string | Iterable<string>, options: CallOptions | undefined): Promise<Outbox> {
    const names = typeof tables === 'string' ? [tables] : [...tables];
    const write = (out: Writer): void => {
      out.u32(names.length);
      for (const name of names) {
        if (typeof name !== 'string') throw invalid(`a table's name must be a string, not ${kindOf(name)}`);
        out.text(name);
      }
    };
    const handle = await target.openHandle(Op.outbox, write, options);
    return new Outbox(target, new OutboxBatches(target.client, handle));
  }

  /**
   * Returns the oldest batch that this function has not returned yet, or `undefined` if there is none now. A batch that
   * could not be sent is kept and sent again before later ones are acknowledged, which would remove it.
   *
   * ```ts
   * for (let batch; (batch = await outbox.next()) !== undefined; ) {
   *   await send(batch.bytes);
   *   await outbox.ack(batch.id);
   * }
   * ```
   * @throws {@link ClosedError} once the outbox or the database is closed; those of a query
   */
  next(options?: CallOptions): Promise<OutboxBatch | undefined> {
    return this.source.next(this.reader, false, this.target.options(options));
  }

  /**
   * Returns the batches one after another, from the oldest on: those that wait, and then each one when it is committed.
   * The signal ends the loop, with its reason; a time limit is for each wait. Neither loses anything: the next loop has
   * the batch that this one would have had.
   *
   * ```ts
   * for await (const batch of outbox.batches({ signal: offline.signal })) {
   *   await send(batch.bytes);
   *   await outbox.ack(batch.id);
   * }
   * ```
   * @throws {@link UbiqliteError} `Cancelled` or `Timeout`; those of a query
   */
  batches(options?: CallOptions): AsyncIterableIterator<OutboxBatch, undefined> {
    return new OutboxLoop(this.source, this.target.options(options));
  }

  /** See {@link batches}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<OutboxBatch, undefined> {
    return this.batches();
  }

  /**
   * Removes a batch that has arrived, and all before it.
   *
   * @param id the {@link OutboxBatch.id} of the batch
   * @throws {@link UbiqliteError} those of a statement that writes. After `OutcomeUnknown` it may be called again
   */
  ack(id: number, options?: CallOptions): Promise<void> {
    const write = (out: Writer): void => {
      if (!Number.isSafeInteger(id)) throw invalid(`the number of a batch must be a whole number, not ${kindOf(id)}`);
      out.integer(id);
    };
    return this.target.call(Op.ack, write, (reply) => reply.done(), options);
  }

  /** Ends it, and the loops that wait for its next batch. What waits stays, and the tables are still recorded. */
  close(): void {
    this.source.end();
  }

  /** Ends it. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
