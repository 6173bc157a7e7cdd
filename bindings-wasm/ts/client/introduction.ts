import { type UbiqliteError, errorOf } from '../errors.js';
import type { Replies } from '../wire/latin1.js';
import { Kind } from '../wire/ops.js';
import { readReplies } from '../wire/reply.js';
import type { Known } from '../wire/rows.js';
import type { Writer } from '../wire/writer.js';
import type { Broke, Channel, ChannelEvents, Connector } from './connector.js';
import { Outbox } from './outbox.js';

/** What each engine after the first is told before anything else is asked of it: a request. */
export interface Introducing {
  readonly op: number;
  readonly write: (out: Writer) => void;
}

/**
 * Connects to an engine, and makes the introduction, if there is one to make.
 *
 * @param events for what follows it, and for the loss of the engine at any time
 * @throws why there is no engine, or what it says of the introduction
 */
export async function introduced(connector: Connector, first: Introduction | undefined, events: ChannelEvents): Promise<Channel> {
  if (first === undefined) return connector.connect(events);
  const channel = await connector.connect({
    message: (batch) => (first.isOver ? events.message(batch) : first.receive(batch)),
    lost: (reason, broke) => {
      events.lost(reason, broke);
      first.lost(reason, broke);
    },
  });
  try {
    await first.through(channel);
  } catch (error) {
    void channel.close().catch(() => {});
    throw error;
  }
  return channel;
}

/** The introduction of a client to a new engine. Requests follow once the engine has accepted it. */
export class Introduction {
  /** Whether it was accepted or refused. */
  isOver = false;
  private settle!: (refused?: Error) => void;
  private readonly settled = new Promise<void>((resolve, reject) => {
    this.settle = (refused) => {
      this.isOver = true;
      if (refused === undefined) resolve();
      else reject(refused);
    };
  });

  constructor(
    private readonly introducing: Introducing,
    private readonly id: number,
    private readonly known: Known,
  ) {
    // The engine may be lost before anybody waits.
    this.settled.catch(() => {});
  }

  /** Makes the request; resolves once it is accepted, or the engine is gone. @throws the engine's error */
  through(channel: Channel): Promise<void> {
    const { op, write } = this.introducing;
    const out = new Outbox(true);
    out.write(this.id, op, 0, undefined, 0, write);
    channel.busy(true);
    out.post(channel.post);
    channel.posted?.();
    return this.settled;
  }

  receive(batch: Replies): void {
    try {
      readReplies(batch, this.known, (reply) => {
        reply.note();
        if (reply.id === this.id) this.settle(reply.kind === Kind.error ? reply.error() : undefined);
      });
    } catch (error) {
      this.settle(error as Error);
    }
  }

  /** The engine is gone. One that broke was broken by this request, the only one that it had. */
  lost(reason: string, broke: Broke | undefined): void {
    this.settle(broke === undefined ? undefined : crashed(reason));
  }
}

function crashed(reason: string): UbiqliteError {
  return errorOf({ kind: 'Internal', message: `the engine crashed when it was told which migrations are known: ${reason}` });
}
