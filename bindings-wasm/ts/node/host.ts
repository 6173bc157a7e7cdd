import { randomUUID } from 'node:crypto';
import { MessageChannel, Worker } from 'node:worker_threads';
import { type Culprit, brokenFor } from '../engine/broken.js';
import type { Broke, Channel, ChannelEvents } from '../client/connector.js';
import { errorOf } from '../errors.js';
import { isArrayBuffer } from '../wire/kinds.js';
import { failure } from './failure.js';
import { wasmFile, workerScript } from './location.js';
import { clearSign } from './life.js';
import { lockOf, removeLock } from './lock.js';
import type { FromClient, FromWorker, Start, ToClient, ToWorker } from './protocol.js';
import { requestStop, stopTable } from './stop.js';

/** The worker ended in an orderly way before the database was open: there may be a next one. */
export class HostEnded extends Error {}

/** The engine, once a worker has compiled it. */
let compiled: WebAssembly.Module | undefined;

/** The worker that has one database open, for everyone who opened it in this thread. */
export class Host {
  /** Settles once the thread has ended and the lock is free. */
  readonly gone: Promise<void>;
  private readonly worker: Worker;
  private readonly pipes = new Set<HostPipe>();
  private made = 0;
  private holds = 0;
  private ending = false;
  private over = false;
  private crash: string | undefined;
  private culprit: Culprit | undefined;

  /** @param file the database's file; `undefined` for one in memory */
  constructor(readonly file: string | undefined) {
    const token = randomUUID();
    const start: Start = { file, token, wasm: compiled ?? wasmFile() };
    // The program's start options are not for this thread.
    this.worker = new Worker(workerScript(), { workerData: start, execArgv: [], argv: [], name: 'ubiqlite' });
    this.worker.on('message', (message: FromWorker) => {
      if ('compiled' in message) {
        compiled = message.compiled;
        return;
      }
      this.crash = message.crashed;
      this.culprit = message.by;
      this.hold(true);
      void this.worker.terminate();
    });
    this.worker.on('error', (error: unknown) => {
      this.hold(true);
      this.crash ??= error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.gone = new Promise((resolve) => {
      this.worker.on('exit', (code) => {
        this.over = true;
        // A broken worker could not do this itself.
        if (file !== undefined) {
          removeLock(lockOf(file), token);
          clearSign(lockOf(file), token);
        }
        if (!this.ending || this.crash !== undefined) this.crash ??= `it ended with code ${code}`;
        for (const pipe of [...this.pipes]) pipe.lose(this.reason, this.blame(pipe.client));
        resolve();
      });
    });
    // After the listeners: each of them keeps the process alive, too.
    this.worker.unref();
  }

  /** Whether no more clients are accepted. */
  get isEnding(): boolean {
    return this.ending || this.over || this.crash !== undefined;
  }

  private get reason(): string {
    return this.crash === undefined ? 'the database was closed' : `the database's worker crashed: ${this.crash}`;
  }

  /** Opens the database for one more client. @throws HostEnded, or why it cannot be opened */
  open(path: string, options: object, events: ChannelEvents, given: AbortSignal): Promise<Channel> {
    return new Promise((resolve, reject) => {
      if (this.isEnding) throw new HostEnded(this.reason);
      this.made += 1;
      const client = this.made;
      const { port1, port2 } = new MessageChannel();
      const stops = stopTable();
      const leave = (): void => pipe.abandon();
      const settled = (): void => given.removeEventListener('abort', leave);
      const pipe = new HostPipe(client, port1, events, {
        opened: () => {
          settled();
          resolve({
            client,
            post: (bytes, from, to) => pipe.post(bytes.slice(from, to).buffer as ArrayBuffer),
            stop: (request) => void requestStop(stops, request),
            withdraw: (request) => requestStop(stops, request),
            busy: (pending) => pipe.busy(pending),
            close: () => pipe.close(),
          });
        },
        refused: (error) => {
          settled();
          reject(error ?? this.refusal());
        },
        hold: (wanted) => this.hold(wanted),
        over: () => this.leave(pipe),
      });
      this.pipes.add(pipe);
      given.addEventListener('abort', leave);
      this.tell({ admit: client, port: port2, path, options, stops }, [port2]);
    });
  }

  /** Ends in an orderly way, even if clients have it open. They are notified, and may return to the next worker. */
  suspend(reason: string): Promise<void> {
    for (const pipe of [...this.pipes]) pipe.lose(reason);
    return this.end();
  }

  /**
   * Counts whether somebody waits for the worker, which keeps the process alive that long.
   * The worker does so, not the ports: those are gone before its end is reported.
   */
  private hold(wanted: boolean): void {
    this.holds += wanted ? 1 : -1;
    if (this.holds === 1 && wanted) this.worker.ref();
    else if (this.holds === 0) this.worker.unref();
  }

  /** Returns how the engine broke, from the viewpoint of a client, if it did. */
  private blame(client: number): Broke | undefined {
    return this.crash === undefined ? undefined : brokenFor(client, this.culprit);
  }

  private end(): Promise<void> {
    if (!this.isEnding) {
      this.ending = true;
      this.hold(true);
      this.tell({ end: true });
    }
    return this.gone;
  }

  private leave(pipe: HostPipe): Promise<void> {
    this.pipes.delete(pipe);
    return this.pipes.size === 0 ? this.end() : Promise.resolve();
  }

  private refusal(): Error {
    if (this.crash === undefined) return new HostEnded(this.reason);
    return failure('CannotOpen', `the database's worker did not start, or crashed: ${this.crash}`, this.file);
  }

  private tell(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer as never);
  }
}

/** The events of a pipe to the engine. */
interface Progress {
  opened(): void;
  /** @param error what the engine said; `undefined` if it is gone */
  refused(error: Error | undefined): void;
  /** Reports whether somebody waits for it. */
  hold(wanted: boolean): void;
  /** Nothing travels any more. Settles once nothing of it is left. */
  over(): Promise<void>;
}

/** One client's pipe to the engine. */
class HostPipe {
  private holding = false;
  private state: 'opening' | 'open' | 'closing' | 'over' = 'opening';
  private ended!: () => void;
  private readonly end = new Promise<void>((resolve) => (this.ended = resolve));

  constructor(
    readonly client: number,
    private readonly port: MessageChannel['port1'],
    private readonly events: ChannelEvents,
    private readonly progress: Progress,
  ) {
    port.on('message', (message: ToClient) => this.hear(message));
    port.unref();
    this.hold(true);
  }

  post(batch: ArrayBuffer): void {
    this.port.postMessage(batch, [batch]);
  }

  busy(pending: boolean): void {
    if (this.state !== 'open') return;
    this.hold(pending);
  }

  /** Closes after everything accepted is done. Its replies still arrive. */
  close(): Promise<void> {
    if (this.state === 'open') {
      this.state = 'closing';
      this.hold(true);
      this.say({ close: true });
    }
    return this.end;
  }

  /** Cancels the opening: nobody waits for it any more. */
  abandon(): void {
    if (this.state !== 'opening') return;
    this.say({ close: true });
  }

  /** Handles the loss of the engine, which is gone or will be. */
  lose(reason: string, broke?: Broke): void {
    const before = this.state;
    if (before === 'over') return;
    this.finish();
    if (before === 'opening') this.progress.refused(undefined);
    else if (before === 'open') this.events.lost(reason, broke);
  }

  private hear(message: ToClient): void {
    if (this.state === 'over') return;
    if (isArrayBuffer(message)) {
      this.events.message(message);
    } else if ('opened' in message) {
      this.state = 'open';
      this.hold(false);
      this.progress.opened();
    } else if ('failed' in message) {
      const error = errorOf(message.failed);
      void this.finish().then(() => this.progress.refused(error));
    } else {
      this.lose('the engine disconnected this client');
    }
  }

  private finish(): Promise<void> {
    this.state = 'over';
    this.port.close();
    const over = this.progress.over();
    // The host itself waits for the end of a worker that was asked to end.
    this.hold(false);
    void over.then(this.ended);
    return over;
  }

  private hold(wanted: boolean): void {
    if (wanted === this.holding) return;
    this.holding = wanted;
    this.progress.hold(wanted);
  }

  private say(message: FromClient): void {
    this.port.postMessage(message);
  }
}
