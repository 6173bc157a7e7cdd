import type { ReachableEngine } from './engine.js';
import { handover } from './handover.js';
import { freshId } from './id.js';
import { type Pipe, broadcastPipe } from './pipe.js';
import { epochLock, whenGone } from './locks.js';
import type { Broadcast, Leads } from './protocol.js';

/** The engine of another context of this origin. */
export class RemoteEngine implements ReachableEngine {
  readonly epoch: string;
  readonly isOwn = false;
  readonly gone: Promise<string>;
  private readonly ended = new AbortController();
  private settle!: (reason: string) => void;

  constructor(
    private readonly name: string,
    private readonly leads: Leads,
    private readonly bus: BroadcastChannel,
  ) {
    this.epoch = leads.leads;
    this.gone = new Promise((resolve) => {
      this.settle = resolve;
    });
    whenGone(epochLock(name, this.epoch), this.ended.signal, () => {
      this.end('the tab or worker that ran the database has gone');
    });
  }

  /** Ends the use of this engine. */
  end(reason: string): void {
    this.ended.abort();
    this.settle(reason);
  }

  async dial(): Promise<Pipe> {
    const id = freshId();
    const hub = this.leads.hub ? handover() : undefined;
    if (hub !== undefined) {
      const { port1, port2 } = new MessageChannel();
      if (await hub.pass(this.epoch, id, port2)) return port1;
      port1.close();
    }
    // A new id: the port that was given to the hub may still arrive.
    const pipe = freshId();
    const channel = broadcastPipe(this.name, pipe);
    if (this.ended.signal.aborted) return channel;
    this.bus.postMessage({ dial: pipe, to: this.epoch } satisfies Broadcast);
    return channel;
  }
}
