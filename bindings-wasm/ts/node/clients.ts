import type { MessagePort } from 'node:worker_threads';
import type { Connect, EnginePort } from '../engine/serve.js';
import { portable } from './failure.js';
import { isArrayBuffer } from '../wire/kinds.js';
import type { FromClient, ToClient, ToWorker } from './protocol.js';
import { type StopTable, isStopped } from './stop.js';
import { withoutWithdrawn } from './withdrawn.js';

type Admission = Extract<ToWorker, { admit: number }>;

/** Called before a client has the database opened; `given` tells whether it still wants to. */
export type Prepare = (options: object, given: () => boolean) => Promise<void>;

/** Called when a client has the database open; throws if it must not. */
export type Approve = () => void;

/** The clients of the engine in this worker. */
export class Clients {
  private readonly open = new Set<Client>();

  constructor(
    private readonly connect: Connect,
    private readonly stops: StopTable,
    private readonly prepare: Prepare,
    private readonly approve: Approve,
  ) {}

  async admit({ admit: number, port, path, options }: Admission): Promise<void> {
    const client = new Client(port, (request) => isStopped(this.stops, number, request));
    this.open.add(client);
    client.whenClosed = () => void this.dismiss(client);
    try {
      await this.prepare(options, () => client.left);
      client.engine = await this.connect(path, { ...options, client: number }, (memory, from, to) => {
        const { buffer } = memory.slice(from, to) as Uint8Array<ArrayBuffer>;
        port.postMessage(buffer, [buffer]);
      });
      this.approve();
      client.say({ opened: true });
      if (client.left) await this.dismiss(client);
    } catch (error) {
      await client.engine?.close().catch(() => {});
      client.say({ failed: portable(error) });
      this.forget(client);
    }
  }

  /** Lets all go. */
  async close(): Promise<void> {
    await Promise.all([...this.open].map((client) => this.dismiss(client)));
  }

  private async dismiss(client: Client): Promise<void> {
    client.left = true;
    const { engine } = client;
    // Being opened: it is dismissed when it is.
    if (engine === undefined) return;
    client.engine = undefined;
    try {
      await engine.close();
    } catch {
      // What failed to be copied from the log stays there, and is copied by the next who opens the file.
    }
    client.say({ closed: true });
    this.forget(client);
  }

  private forget(client: Client): void {
    this.open.delete(client);
    client.port.close();
  }
}

class Client {
  engine: EnginePort | undefined;
  left = false;
  whenClosed: () => void = () => {};

  constructor(
    readonly port: MessagePort,
    isStopped: (request: number) => boolean,
  ) {
    port.on('message', (message: FromClient) => {
      if (isArrayBuffer(message)) this.engine?.submit(withoutWithdrawn(message, isStopped));
      else this.whenClosed();
    });
  }

  say(message: ToClient): void {
    this.port.postMessage(message);
  }
}
