import { type UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import type { Writer } from '../wire/writer.js';
import type { EngineClient } from './engine-client.js';
import type { Checked } from './options.js';
import type { OutboxBatch } from './outbox-batch.js';
import type { RemoteHandle } from './remote-handle.js';

/** What an engine says of the next batch: there may be none now, or none any more. */
type Told = OutboxBatch | 'none' | 'over';

/** How far somebody has read: each reader has each batch once. */
export class OutboxReader {
  /** The number of the last batch that was returned; 0: none. */
  last = 0;
  /** The calls run one after another: none returns what another does. */
  turn: Promise<unknown> = Promise.resolve();
}

/**
 * The batches of an outbox. The engine keeps nothing of what was sent: each call tells it the number of the last batch
 * that arrived, so that one whose call was given up is sent again, also by the next engine.
 */
export class OutboxBatches {
  private handle: RemoteHandle | undefined;
  private over = false;

  constructor(
    private readonly client: EngineClient,
    handle: RemoteHandle,
  ) {
    this.hold(handle);
  }

  /**
   * Returns a reader's next batch; `undefined` if there is none now, or with `wait` once this or the database is closed.
   *
   * @throws `Closed` once it is closed, unless it was to wait
   */
  next(reader: OutboxReader, wait: boolean, options: Checked): Promise<OutboxBatch | undefined> {
    const next = reader.turn.then(() => this.fetch(reader, wait, options));
    reader.turn = next.catch(() => {});
    return next;
  }

  /** Ends it. What waits stays. */
  end(): void {
    this.over = true;
    if (this.handle !== undefined) this.client.drop(this.handle, closed);
  }

  private async fetch(reader: OutboxReader, wait: boolean, options: Checked): Promise<OutboxBatch | undefined> {
    for (;;) {
      if (this.over) return ended(wait);
      let handle = this.handle;
      try {
        handle ??= await this.again(options);
        // It was closed in the meantime.
        if (this.over) return ended(wait);
        const write = (out: Writer): void => {
          out.u32(wait ? 1 : 0);
          out.integer(reader.last);
        };
        const told = await this.client.call({ op: Op.next, on: handle, write, read, options });
        if (told === 'over') {
          this.over = true;
          this.client.release(handle, closed);
          return ended(wait);
        }
        if (told === 'none') return undefined;
        reader.last = told.id;
        return told;
      } catch (error) {
        if (this.over) return ended(wait);
        if (this.client.isClosing) {
          this.end();
          return ended(wait);
        }
        if (handle === undefined || !this.client.isLost(handle)) throw error;
        // The next engine knows nothing of it.
        this.handle = undefined;
      }
    }
  }

  private async again(options: Checked): Promise<RemoteHandle> {
    return this.hold(await this.client.openHandle({ op: Op.outboxAgain, options }));
  }

  private hold(handle: RemoteHandle): RemoteHandle {
    this.handle = handle;
    // The handle keeps this alive, not the client: who forgets an outbox leaves nothing behind.
    handle.atClose = () => this.end();
    if (this.over || this.client.isClosing) this.end();
    return handle;
  }
}

function read(reply: Reply): Told {
  const cells = reply.rows().first();
  if (cells === undefined) return reply.ends ? 'over' : 'none';
  const [id, bytes] = cells;
  return { id: Number(id), bytes: bytes as Uint8Array };
}

/** What a call returns once it is closed: a loop just ends. */
function ended(wait: boolean): undefined {
  if (!wait) throw closed();
  return undefined;
}

function closed(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the outbox is closed' });
}
