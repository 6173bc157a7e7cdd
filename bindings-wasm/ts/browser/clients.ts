import { type Culprit, brokenFor } from '../engine/broken.js';
import type { Connect, EnginePort } from '../engine/serve.js';
import { encodeBatch, isBatch } from '../wire/latin1.js';
import { portable } from './failure.js';
import { type Pipe, postBatch } from './pipe.js';
import { presenceLock, whenGone } from './locks.js';
import type { FromClient, ToClient } from './protocol.js';

/** One client of the engine. */
interface ConnectedClient {
  pipe: Pipe;
  /** Ends the watch for its end. */
  watch: AbortController;
  port: EnginePort | undefined;
}

/**
 * The clients of the engine in this worker, wherever they are. A client that vanishes
 * without a word releases its presence lock. Then its port is closed, which rolls back
 * the transaction that it had open.
 */
export class Clients {
  private readonly open = new Map<number, ConnectedClient>();
  private made = 0;
  private closing = false;

  /** @param idle called when the last client is gone */
  constructor(
    private readonly name: string,
    private readonly connect: Connect,
    private readonly idle: () => void,
  ) {}

  get count(): number {
    return this.open.size;
  }

  /** Whether no client has anything in progress or open, and none is being admitted. */
  get isIdle(): boolean {
    for (const { port } of this.open.values()) if (port?.isIdle() !== true) return false;
    return true;
  }

  /** Greets the client at the other end of `pipe`, and waits for its request. */
  greet(pipe: Pipe): void {
    if (this.closing) return;
    pipe.onmessage = ({ data }: MessageEvent<FromClient>) => {
      if (isBatch(data) || !('open' in data)) {
        pipe.close();
        return;
      }
      void this.admit(pipe, data.open, data.options, data.presence);
    };
    say(pipe, { hello: true });
  }

  /** Reports to the client `number` that its request is running, and how to stop it. */
  running(number: number, running: number, token: string | undefined): void {
    const pipe = this.open.get(number)?.pipe;
    if (pipe !== undefined) say(pipe, { running, token });
  }

  /** Reports to all clients that the engine broke, and through whose request. */
  broke(reason: string, by: Culprit | undefined): void {
    this.closing = true;
    for (const [number, { pipe }] of this.open) say(pipe, { broke: reason, by: brokenFor(number, by) });
  }

  /** Admits no more clients. */
  close(): void {
    this.closing = true;
  }

  private async admit(pipe: Pipe, path: string, options: object, presence: string): Promise<void> {
    // A client that speaks now gets no reply: it learns of the end of this engine.
    if (this.closing) return;
    this.made += 1;
    const number = this.made;
    const client: ConnectedClient = { pipe, watch: new AbortController(), port: undefined };
    this.open.set(number, client);
    let given: EnginePort | undefined;
    let left = false;
    const leave = (): void => {
      left = true;
      if (client.port !== undefined) void this.dismiss(number, client);
    };
    pipe.onmessage = ({ data }: MessageEvent<FromClient>) => {
      if (!isBatch(data) && 'close' in data) leave();
    };
    if (presence !== '') whenGone(presenceLock(this.name, presence), client.watch.signal, leave);
    try {
      given = await this.connect(path, { ...options, client: number }, (memory, from, to) => postBatch(pipe, encodeBatch(memory, from, to)));
    } catch (error) {
      say(pipe, { failed: portable(error) });
      this.forget(number, client);
      return;
    }
    client.port = given;
    if (left) {
      await this.dismiss(number, client);
      return;
    }
    const port = given;
    pipe.onmessage = ({ data }: MessageEvent<FromClient>) => {
      if (isBatch(data)) port.submit(data);
      else if ('close' in data) leave();
    };
    say(pipe, { opened: number });
  }

  private async dismiss(number: number, client: ConnectedClient): Promise<void> {
    const { port } = client;
    if (port === undefined) return;
    client.port = undefined;
    try {
      await port.close();
    } finally {
      say(client.pipe, { closed: true });
      this.forget(number, client);
    }
  }

  private forget(number: number, client: ConnectedClient): void {
    client.watch.abort();
    client.pipe.close();
    this.open.delete(number);
    if (this.open.size === 0) this.idle();
  }
}

function say(pipe: Pipe, message: ToClient): void {
  pipe.postMessage(message);
}
