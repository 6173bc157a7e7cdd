import type { FromHub, ToHub } from './protocol.js';

/**
 * How long the hub may take to pass on a port. After that, the pipe uses BroadcastChannel.
 * A fresh hub may have to be loaded first. A known hub that no longer replies went down
 * with the process of a crashed tab; this wait is then most of what a change of leaders
 * takes. It is longer than the hub itself waits for an engine.
 */
const PATIENCE = { fresh: 500, known: 250 };

/** This page's connection to the hub. */
class Handover {
  private readonly asked = new Map<string, (passed: boolean) => void>();
  private patience: number = PATIENCE.fresh;

  constructor(private readonly port: MessagePort) {
    port.onmessage = ({ data }: MessageEvent<FromHub>) => {
      this.patience = PATIENCE.known;
      this.asked.get(data.pipe)?.(data.passed);
    };
  }

  /** Lets clients reach the engine `lead` at `port`. */
  lead(lead: string, name: string, port: MessagePort): void {
    this.port.postMessage({ lead, name, port } satisfies ToHub, [port]);
  }

  /** Hands the pipe's end `port` to the engine `reach`. Resolves to false if that failed. */
  pass(reach: string, pipe: string, port: MessagePort): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (passed: boolean): void => {
        clearTimeout(timer);
        this.asked.delete(pipe);
        resolve(passed);
      };
      const timer = setTimeout(() => {
        // The next call tries a new hub: this one has crashed or never started.
        if (current === this) current = undefined;
        settle(false);
      }, this.patience);
      this.asked.set(pipe, settle);
      this.port.postMessage({ reach, pipe, port } satisfies ToHub, [port]);
    });
  }

  /** Gives up: the hub's script did not load. */
  fail(): void {
    broken = true;
    for (const settle of [...this.asked.values()]) settle(false);
  }
}

let current: Handover | undefined;
let broken = false;

/** Returns the connection to the hub, or `undefined` if there is none (workers, some browsers, a forbidding policy). */
export function handover(): Handover | undefined {
  if (current !== undefined) return broken ? undefined : current;
  if (broken || typeof SharedWorker !== 'function') return undefined;
  try {
    const worker = new SharedWorker(new URL('./hub.js', import.meta.url), { type: 'module', name: 'ubiqlite' });
    const hub = new Handover(worker.port);
    worker.onerror = () => hub.fail();
    current = hub;
    return hub;
  } catch {
    broken = true;
    return undefined;
  }
}
