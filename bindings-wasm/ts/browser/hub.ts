/**
 * The SharedWorker that hands ports from a page to the leading worker, and knows nothing
 * else. BroadcastChannel can't carry ports, and pages can't post to each other; this is
 * the one place that all of them can reach. Data never passes through here: once handed
 * over, a port connects its two ends directly.
 */
import { epochLock, whenGone } from './locks.js';
import type { FromHub, Passed, ToHub } from './protocol.js';

/** How long a client may be ahead of the leader that it wants to reach. */
const PATIENCE = 200;

const engines = new Map<string, MessagePort>();
const early = new Map<string, Set<() => void>>();

(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports }) => {
  const page = ports[0];
  if (page === undefined) return;
  page.onmessage = ({ data }: MessageEvent<ToHub>) => {
    if ('lead' in data) register(data.lead, data.name, data.port);
    else void pass(page, data.reach, data.pipe, data.port);
  };
};

function register(epoch: string, name: string, port: MessagePort): void {
  engines.set(epoch, port);
  whenGone(epochLock(name, epoch), new AbortController().signal, () => {
    engines.delete(epoch);
    port.close();
  });
  for (const tell of early.get(epoch) ?? []) tell();
  early.delete(epoch);
}

async function pass(page: MessagePort, epoch: string, pipe: string, port: MessagePort): Promise<void> {
  const engine = engines.get(epoch) ?? (await expected(epoch));
  const reply: FromHub = { pipe, passed: engine !== undefined };
  engine?.postMessage({ pipe, port } satisfies Passed, [port]);
  page.postMessage(reply);
}

async function expected(epoch: string): Promise<MessagePort | undefined> {
  await new Promise<void>((resolve) => {
    const waiting = early.get(epoch) ?? new Set();
    early.set(epoch, waiting.add(resolve));
    setTimeout(() => {
      waiting.delete(resolve);
      if (waiting.size === 0 && early.get(epoch) === waiting) early.delete(epoch);
      resolve();
    }, PATIENCE);
  });
  return engines.get(epoch);
}
