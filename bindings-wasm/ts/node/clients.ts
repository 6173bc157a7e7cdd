import type { MessagePort } from 'node:worker_threads';
import type { Connect, EnginePort } from '../engine/serve.js';
import { portable } from './failure.js';
import { isArrayBuffer } from '../wire/kinds.js';
import type { FromClient, ToClient, ToWorker } from './protocol.js';
import { type StopTable, begins, isStopped } from './stop.js';

type Admission = Extract<ToWorker, { admit: number }>;

/** Called before the database is opened for a client; `given` returns whether the client has left. */
export type Prepare = (options: object, given: () => boolean) => Promise<void>;

/** Called once a client has the database open; throws if it must not. */
export type Approve = () => void;

/** The clients of the engine in this worker. */
export class Clients {
  private readonly open = new Set<AdmittedClient>();
  private readonly stops = new Map<number, StopTable>();

  constructor(
    private readonly connect: Connect,
    private readonly prepare: Prepare,
    private readonly approve: Approve,
  ) {}

  /** Whether a client's running request was cancelled. */
  isStopped(client: number, request: number): boolean {
    const stops = this.stops.get(client);
    return stops !== undefined && isStopped(stops, request);
  }

  /** Whether a client's request may begin. */
  begins(client: number, request: number): boolean {
    const stops = this.stops.get(client);
    return stops === undefined || begins(stops, request);
  }

  async admit({ admit: number, port, path, options, stops }: Admission): Promise<void> {
    const client = new AdmittedClient(number, port);
    this.stops.set(number, stops);
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

  /** Releases all clients. */
  async close(): Promise<void> {
    await Promise.all([...this.open].map((client) => this.dismiss(client)));
  }

  private async dismiss(client: AdmittedClient): Promise<void> {
    client.left = true;
    const { engine } = client;
    // Still opening: it is dismissed once it is open.
    if (engine === undefined) return;
    client.engine = undefined;
    try {
      await engine.close();
    } catch {
      // Whatever could not be copied from the log stays there, and the next opener copies it.
    }
    client.say({ closed: true });
    this.forget(client);
  }

  private forget(client: AdmittedClient): void {
    this.open.delete(client);
    this.stops.delete(client.number);
    client.port.close();
  }
}

class AdmittedClient {
  engine: EnginePort | undefined;
  left = false;
  whenClosed: () => void = () => {};

  constructor(
    readonly number: number,
    readonly port: MessagePort,
  ) {
    port.on('message', (message: FromClient) => {
      if (isArrayBuffer(message)) this.engine?.submit(message);
      else this.whenClosed();
    });
  }

  say(message: ToClient): void {
    this.port.postMessage(message);
  }
}
