import { errorOf } from '../errors.js';
import type { ReachableEngine } from './engine.js';
import { failure } from './failure.js';
import { handover } from './handover.js';
import { freshId } from './id.js';
import { type Pipe, WorkerPipes, isPipeMessage } from './pipe.js';
import type { FromWorker, ToWorker } from './protocol.js';
import { wasmUrl } from './module.js';
import { spawnEngine } from './standby.js';

/** How an engine of this context ended. */
export type Ending =
  /** No client was left, and it closed the database. */
  | 'left'
  /** This context gave up the engine. */
  | 'resigned'
  /** A newer version of the package has taken over the database. */
  | 'yielded'
  /** It broke. */
  | 'crashed';

/** The worker of this context that has the database open. */
export class Leader implements ReachableEngine {
  /** Settles once the worker serves; rejects with the reason if it can't. */
  readonly ready: Promise<void>;
  readonly gone: Promise<string>;
  /** Settles with `gone`. */
  readonly ending: Promise<Ending>;
  /** Its worker keeps the order of messages, also of those that arrive before it is ready. */
  readonly isOwn = true;

  private readonly pipes = new WorkerPipes((message, transfer) => this.tell(message, transfer));
  private started!: () => void;
  private refused!: (error: Error) => void;
  private isReady = false;
  private settleGone!: (reason: string) => void;
  private settleEnding!: (ending: Ending) => void;
  private over = false;
  /** Whether it broke through a known call, which is not repeated forever. */
  isBlameless = false;
  /** The pending calls of `leave`, in the order in which the worker replies. */
  private readonly leaving: Array<(left: boolean) => void> = [];

  /**
   * @param release releases the epoch's lock, which shows everybody that this engine is gone
   * @param worker a prepared one, if there is one
   */
  constructor(
    name: string,
    readonly epoch: string,
    storage: 'opfs' | 'memory',
    private readonly release: () => void,
    private readonly worker: Worker = spawnEngine(),
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.started = resolve;
      this.refused = reject;
    });
    this.gone = new Promise((resolve) => (this.settleGone = resolve));
    this.ending = new Promise((resolve) => (this.settleEnding = resolve));
    this.ready.catch(() => {});

    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.fail(
        failure(
          'CannotOpen',
          `the worker of the database did not start: ${event.message || 'its script could not be loaded; is worker.js served beside the package’s browser.js?'}`,
        ),
      );
    };
    const wasm = wasmUrl();
    const hub = storage === 'opfs' ? handover() : undefined;
    if (hub === undefined) {
      this.tell({ start: name, storage, epoch, wasm, hub });
    } else {
      const { port1, port2 } = new MessageChannel();
      hub.lead(epoch, name, port1);
      this.tell({ start: name, storage, epoch, wasm, hub: port2 }, [port2]);
    }
  }

  dial(): Promise<Pipe> {
    const id = freshId();
    const pipe = this.pipes.open(id);
    this.tell({ pipe: id });
    return Promise.resolve(pipe);
  }

  /** Ends once no client is left. Resolves to whether that is now. */
  leave(): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.over) return resolve(true);
      this.leaving.push(resolve);
      this.tell({ leave: true });
    });
  }

  /** Takes back `leave`. */
  stay(): void {
    if (!this.over) this.tell({ stay: true });
  }

  /** Ends at once, in the middle of whatever is running: storage is safe against that. */
  resign(reason: string): void {
    this.end('resigned', reason);
  }

  private tell(message: ToWorker, transfer?: Transferable[]): void {
    // A transfer list has a cost even when it is empty.
    if (transfer === undefined) this.worker.postMessage(message);
    else this.worker.postMessage(message, transfer);
  }

  private hear(message: FromWorker): void {
    if (isPipeMessage(message)) {
      this.pipes.hear(message);
    } else if ('ready' in message) {
      this.isReady = true;
      this.started();
    } else if ('failed' in message) {
      this.fail(errorOf(message.failed));
    } else if ('crashed' in message) {
      this.isBlameless = message.blamed;
      this.fail(failure('Internal', message.crashed));
    } else if ('staying' in message) {
      this.leaving.shift()?.(false);
    } else if ('yielded' in message) {
      this.end('yielded', 'a newer version of this package took over the database; reload the page');
    } else if ('ended' in message) {
      this.end('left', 'the database was closed');
    }
  }

  private fail(error: Error): void {
    if (this.isReady) {
      this.end('crashed', `the database's worker crashed: ${error.message}`);
      return;
    }
    this.refused(error);
    this.end('crashed', error.message);
  }

  private end(ending: Ending, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.worker.terminate();
    this.release();
    this.refused(failure('CannotOpen', reason));
    this.settleEnding(ending);
    this.settleGone(reason);
    for (const resolve of this.leaving.splice(0)) resolve(true);
  }
}
