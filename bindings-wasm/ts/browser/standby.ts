import { compiled, wasmUrl } from './module.js';
import type { ToWorker } from './protocol.js';

/** When to prepare, in milliseconds: a page that has just started has better things to do. */
const DELAY = 500;

/** Starts a worker of this package. */
export function spawn(): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'ubiqlite' });
}

/** Starts a worker that gets the engine's code from this context, which compiles it while the worker starts. */
export function spawnEngine(): Worker {
  const worker = spawn();
  void compiled().then((module) => worker.postMessage({ module } satisfies ToWorker));
  return worker;
}

/**
 * A worker with the engine loaded, for the context that is next in line: starting one and
 * compiling the engine is most of what a change of leaders takes. There is at most one
 * per database, as only one context is next.
 */
export class Standby {
  private worker: Worker | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Prepares a worker after a while: this context is now the next in line. */
  begin(): void {
    this.timer = setTimeout(() => this.prepare(), DELAY);
  }

  /** Returns the worker, if it is prepared. The caller then owns it. */
  take(): Worker | undefined {
    clearTimeout(this.timer);
    const { worker } = this;
    this.worker = undefined;
    return worker;
  }

  end(): void {
    this.take()?.terminate();
  }

  private prepare(): void {
    const worker = spawnEngine();
    this.worker = worker;
    // If one is needed, another one is started and reports what is wrong.
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.worker === worker) this.end();
    };
    worker.postMessage({ prepare: wasmUrl() } satisfies ToWorker);
  }
}
