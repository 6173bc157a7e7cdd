import type { Checked } from './options.js';
import type { OutboxBatch } from './outbox-batch.js';
import { type OutboxBatches, OutboxReader } from './outbox-batches.js';
import { onAbort } from './signals.js';

/** A loop over the batches of an outbox, from the oldest on. Leaving it also ends a wait that is under way. */
export class OutboxLoop implements AsyncIterableIterator<OutboxBatch, undefined> {
  private readonly reader = new OutboxReader();
  private readonly ends = new AbortController();
  private readonly options: Checked;
  private readonly unlisten: (() => void) | undefined;
  private over = false;

  constructor(
    private readonly source: OutboxBatches,
    options: Checked,
  ) {
    const { signal } = options;
    this.options = { ...options, signal: this.ends.signal };
    if (signal?.aborted) this.ends.abort(signal.reason);
    else if (signal !== undefined) this.unlisten = onAbort(signal, () => this.ends.abort(signal.reason));
  }

  async next(): Promise<IteratorResult<OutboxBatch, undefined>> {
    if (this.over) return this.leave();
    let batch: OutboxBatch | undefined;
    try {
      batch = await this.source.next(this.reader, true, this.options);
    } catch (error) {
      if (this.over) return this.leave();
      this.leave();
      throw error;
    }
    return batch === undefined || this.over ? this.leave() : { value: batch, done: false };
  }

  async return(): Promise<IteratorResult<OutboxBatch, undefined>> {
    const left = this.leave();
    this.ends.abort();
    return left;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private leave(): { value: undefined; done: true } {
    this.over = true;
    this.unlisten?.();
    return { value: undefined, done: true };
  }
}
