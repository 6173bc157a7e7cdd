import type { ToWorker } from './protocol.js';

/** When to prepare, in milliseconds: a page that has just begun has better things to do. */
const DELAY = 500;

/** Starts a worker of this package. */
export function spawn(): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'ubiqlite' });
}

/** Where the engine's code is. */
export const wasmUrl = (): string => new URL('./ubiqlite.wasm', import.meta.url).href;

/**
 * A worker with the engine loaded, for the context that is next in line: starting
 * one and compiling the engine is most of what a change of leaders takes. There is
 * at most one for each database, as only one context is next.
 */
export class Standby {
  private worker: Worker | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** It is this context's turn to be the next. */
  begin(): void {
    this.timer = setTimeout(() => this.prepare(), DELAY);
  }

  /** The worker, if it is prepared; it is the caller's then. */
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
    const worker = spawn();
    this.worker = worker;
    // Should it be needed, another one is started, and says what is wrong.
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.worker === worker) this.end();
    };
    worker.postMessage({ prepare: wasmUrl() } satisfies ToWorker);
  }
}
