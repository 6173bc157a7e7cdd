/**
 * The worker that a page leads with: it has the files of one database open and serves
 * its clients. It ends with the page, or when the page says so.
 */
import type { EngineModule } from '../engine/serve.js';
import { Clients } from './clients.js';
import { EngineCode } from './code.js';
import { portable } from './failure.js';
import { type Handles, openHandles } from './handles.js';
import { importDatabase } from './import.js';
import { WorkerPipes, broadcastPipe, isPipeMessage } from './pipe.js';
import { electionLock } from './locks.js';
import { MemoryFiles } from './memory.js';
import { OpfsFiles } from './opfs.js';
import { type Broadcast, type FromWorker, PROTOCOL, type Passed, type ToWorker } from './protocol.js';
import { clearStops, stops } from './directory.js';
import { Tokens } from './tokens.js';

type WorkerStart = Extract<ToWorker, { start: string }>;

const page = globalThis as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: (event: MessageEvent<ToWorker>) => void;
};

/** How often an engine that must hand over checks whether it is idle, in milliseconds. */
const YIELD = 50;

const code = new EngineCode();

const tell = (message: FromWorker): void => page.postMessage(message);

page.onmessage = ({ data }) => {
  if (isPipeMessage(data)) return;
  if ('prepare' in data) {
    // A failure is reported once the engine is started.
    code.load(data.prepare, Promise.resolve()).catch(() => {});
  } else if ('module' in data) {
    code.take(data.module);
  } else if ('start' in data) {
    const starting = start(data);
    page.onmessage = ({ data }) => {
      if (!isPipeMessage(data) && 'module' in data) code.take(data.module);
      else void starting.then((service) => service?.hear(data));
    };
  } else if ('import' in data) {
    page.onmessage = importDatabase(data, tell);
  }
};

async function start(message: WorkerStart): Promise<Service | undefined> {
  try {
    const { start: name, storage } = message;
    const preparing = prepare(name, storage);
    // Both at once; the page learns of whichever fails.
    const [engine, { handles, tokens }] = await Promise.all([code.load(message.wasm, preparing), preparing]);
    const service = new Service(message, engine, handles, tokens);
    page.onmessage = ({ data }) => service.hear(data);
    tell({ ready: true });
    return service;
  } catch (error) {
    tell({ failed: portable(error) });
    return undefined;
  }
}

/** Opens and creates everything that must exist before SQLite runs. */
async function prepare(
  name: string,
  storage: WorkerStart['storage'],
): Promise<{ handles: Handles | undefined; tokens: Tokens | undefined }> {
  let tokens: Tokens | undefined;
  // Tokens are created while the files are opened and SQLite opens the database. A call
  // that comes earlier waits for the first of them.
  const prime = (within: FileSystemDirectoryHandle): void => {
    tokens = new Tokens(within);
    void tokens.refill();
  };
  if (storage === 'opfs') {
    const handles = await openHandles(name, prime);
    return { handles, tokens };
  }
  // Without OPFS, calls on a database in memory run to their end.
  const within = await stops().catch(() => undefined);
  if (within !== undefined) {
    prime(within);
    void clearStops(within).catch(() => {});
  }
  return { handles: undefined, tokens };
}

/** The engine at work. */
class Service {
  private readonly clients: Clients;
  private readonly bus: BroadcastChannel | undefined;
  private readonly pipes = new WorkerPipes((message, transfer) => {
    if (transfer === undefined) page.postMessage(message);
    else page.postMessage(message, transfer);
  });
  private leaving = false;
  private yielding: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly start: WorkerStart,
    engine: EngineModule,
    private readonly handles: Handles | undefined,
    tokens: Tokens | undefined,
  ) {
    const { start: name, hub } = start;
    this.clients = new Clients(name, engine.connect, () => {
      if (this.leaving) this.close();
    });
    if (tokens) tokens.report = (client, request, token) => this.clients.running(client, request, token);
    // The next leader opens the files again; nothing that this engine still says is true.
    const lost = (error: unknown): void => engine.fail(error);
    engine.install(handles === undefined ? new MemoryFiles() : new OpfsFiles(name, handles.files, lost), {
      ...(tokens && {
        poll: (client: number, request: number) => tokens.poll(client, request),
        ready: () => tokens.ready(),
      }),
      crashed: (reason, by) => {
        this.clients.broke(reason, by);
        tell({ crashed: reason, blamed: by !== undefined });
      },
    });
    // Errors of what the module runs on its own, when one of its promises resolves.
    const scope = globalThis as unknown as EventTarget;
    scope.addEventListener('error', (event) => {
      event.preventDefault();
      engine.fail((event as ErrorEvent).error ?? (event as ErrorEvent).message);
    });
    scope.addEventListener('unhandledrejection', (event) => {
      event.preventDefault();
      engine.fail((event as PromiseRejectionEvent).reason);
    });
    if (handles !== undefined) this.bus = this.announce();
    if (hub !== undefined) hub.onmessage = ({ data }: MessageEvent<Passed>) => this.clients.greet(data.port);
  }

  /** Handles the messages of the page after `start`. */
  hear(message: ToWorker): void {
    if (isPipeMessage(message)) {
      this.pipes.hear(message);
    } else if ('pipe' in message) {
      this.clients.greet(this.pipes.open(message.pipe));
    } else if ('leave' in message) {
      this.leaving = true;
      if (this.clients.count === 0) this.close();
      else tell({ staying: true });
    } else if ('stay' in message) {
      this.leaving = false;
    }
  }

  /** Announces that this engine leads, now and whenever somebody asks. */
  private announce(): BroadcastChannel {
    const { start: name, epoch, hub } = this.start;
    const bus = new BroadcastChannel(electionLock(name));
    const leads: Broadcast = { leads: epoch, protocol: PROTOCOL, hub: hub !== undefined };
    bus.onmessage = ({ data }: MessageEvent<Broadcast>) => {
      if ('who' in data) bus.postMessage(leads);
      else if ('resign' in data && data.resign === epoch && data.protocol > PROTOCOL) this.yield();
      else if ('dial' in data && data.to === epoch) this.clients.greet(broadcastPipe(name, data.dial));
    };
    bus.postMessage(leads);
    return bus;
  }

  /** Hands over the database to a newer version, as soon as nothing is open in it. */
  private yield(): void {
    if (this.yielding !== undefined) return;
    const look = (): void => {
      if (!this.clients.isIdle) return;
      clearInterval(this.yielding);
      this.close({ yielded: true });
    };
    this.yielding = setInterval(look, YIELD);
    look();
  }

  private close(told: FromWorker = { ended: true }): void {
    this.clients.close();
    this.bus?.close();
    this.start.hub?.close();
    for (const handle of this.handles?.files ?? []) handle.close();
    tell(told);
  }
}
