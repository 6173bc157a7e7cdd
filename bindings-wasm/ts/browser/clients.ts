import { type Culprit, brokenFor } from '../engine/broken.js';
import type { Connect, EnginePort } from '../engine/serve.js';
import { batchOf, isBatch } from '../wire/letters.js';
import { portable } from './failure.js';
import { type Line, postBatch } from './line.js';
import { presenceLock, whenGone } from './locks.js';
import type { FromClient, ToClient } from './protocol.js';

/** One client of the engine. */
interface Client {
  line: Line;
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
  private readonly open = new Map<number, Client>();
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

  /** Greets the client at the other end of `line`, and waits for its request. */
  greet(line: Line): void {
    if (this.closing) return;
    line.onmessage = ({ data }: MessageEvent<FromClient>) => {
      if (isBatch(data) || !('open' in data)) {
        line.close();
        return;
      }
      void this.admit(line, data.open, data.options, data.presence);
    };
    say(line, { hello: true });
  }

  /** Tells the client `number` that its request is running, and how to stop it. */
  running(number: number, running: number, token: string | undefined): void {
    const line = this.open.get(number)?.line;
    if (line !== undefined) say(line, { running, token });
  }

  /** Tells all clients that the engine broke, and through whose request. */
  broke(reason: string, by: Culprit | undefined): void {
    this.closing = true;
    for (const [number, { line }] of this.open) say(line, { broke: reason, by: brokenFor(number, by) });
  }

  /** Admits no more clients. */
  close(): void {
    this.closing = true;
  }

  private async admit(line: Line, path: string, options: object, presence: string): Promise<void> {
    // A client that speaks now gets no reply: it learns of the end of this engine.
    if (this.closing) return;
    this.made += 1;
    const number = this.made;
    const client: Client = { line, watch: new AbortController(), port: undefined };
    this.open.set(number, client);
    let given: EnginePort | undefined;
    let left = false;
    const leave = (): void => {
      left = true;
      if (client.port !== undefined) void this.dismiss(number, client);
    };
    line.onmessage = ({ data }: MessageEvent<FromClient>) => {
      if (!isBatch(data) && 'close' in data) leave();
    };
    if (presence !== '') whenGone(presenceLock(this.name, presence), client.watch.signal, leave);
    try {
      given = await this.connect(path, { ...options, client: number }, (memory, from, to) => postBatch(line, batchOf(memory, from, to)));
    } catch (error) {
      say(line, { failed: portable(error) });
      this.forget(number, client);
      return;
    }
    client.port = given;
    if (left) {
      await this.dismiss(number, client);
      return;
    }
    const port = given;
    line.onmessage = ({ data }: MessageEvent<FromClient>) => {
      if (isBatch(data)) port.submit(data);
      else if ('close' in data) leave();
    };
    say(line, { opened: number });
  }

  private async dismiss(number: number, client: Client): Promise<void> {
    const { port } = client;
    if (port === undefined) return;
    client.port = undefined;
    try {
      await port.close();
    } finally {
      say(client.line, { closed: true });
      this.forget(number, client);
    }
  }

  private forget(number: number, client: Client): void {
    client.watch.abort();
    client.line.close();
    this.open.delete(number);
    if (this.open.size === 0) this.idle();
  }
}

function say(line: Line, message: ToClient): void {
  line.postMessage(message);
}
