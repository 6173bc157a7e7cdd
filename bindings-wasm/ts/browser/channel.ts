import { errorOf } from '../errors.js';
import type { Broke, Channel, ChannelEvents } from '../client/connector.js';
import { encodeBatch, isBatch } from '../wire/latin1.js';
import type { ReachableEngine } from './engine.js';
import { postBatch } from './pipe.js';
import type { FromClient, ToClient } from './protocol.js';
import { StopRequests } from './stop.js';

/** The engine went away before the channel was open: there may be a next one. */
export class EngineGone extends Error {}

/** A client, as it introduces itself. */
export interface ClientHello {
  path: string;
  options: object;
  /** The database whose files include those that stop its calls, if that is another one. */
  stops?: string;
  /** The name of the lock that it holds while it is alive; empty for an engine that ends with it. */
  presence: string;
}

/**
 * Opens a channel to `engine`.
 *
 * An engine of another context speaks first, and only then does the client say what it wants. So a
 * pipe whose client gave up in the meantime leaves nothing behind in the engine. This context's own may
 * still be starting; it hears everything in order, also that the client gives up.
 *
 * @throws `EngineGone`, or the engine's reason why it cannot open the database
 */
export async function openChannel(engine: ReachableEngine, client: ClientHello, events: ChannelEvents): Promise<Channel> {
  const pipe = await engine.dial();
  const say = (message: FromClient): void => pipe.postMessage(message);
  const stops = new StopRequests(client.stops ?? client.path);
  let state: 'opening' | 'open' | 'over' = 'opening';
  let closing: (() => void) | undefined;

  const introduce = (): void => say({ open: client.path, options: client.options, presence: client.presence });

  return new Promise((resolve, reject) => {
    const end = (): void => {
      state = 'over';
      pipe.close();
      closing?.();
    };
    const lose = (reason: string, broke?: Broke): void => {
      const before = state;
      end();
      if (before === 'opening') reject(new EngineGone(reason));
      // Nothing more is reported to a client that is closing.
      else if (before === 'open' && closing === undefined) events.lost(reason, broke);
    };
    const close = (): Promise<void> => {
      if (state !== 'open') return Promise.resolve();
      // Replies to what the engine had accepted still arrive.
      return new Promise((closed) => {
        closing = closed;
        say({ close: true });
      });
    };
    void engine.gone.then((reason) => {
      // If the engine is alive (this page is suspended), it need not wait for the lock.
      if (state !== 'over') say({ close: true });
      lose(reason);
    });

    pipe.onmessage = ({ data }: MessageEvent<ToClient>) => {
      if (state === 'over') return;
      if (isBatch(data)) {
        events.message(data);
      } else if ('hello' in data) {
        if (!engine.isOwn) introduce();
      } else if ('opened' in data) {
        state = 'open';
        resolve({
          client: data.opened,
          post: (bytes, from, to) => postBatch(pipe, encodeBatch(bytes, from, to)),
          stop: (request) => stops.stop(request),
          busy: () => {},
          close,
        });
      } else if ('failed' in data) {
        end();
        reject(errorOf(data.failed));
      } else if ('running' in data) {
        stops.running(data.running, data.token);
      } else if ('broke' in data) {
        lose(`the database's worker crashed: ${data.broke}`, data.by);
      } else if (closing !== undefined) {
        end();
      } else {
        lose('the engine disconnected this client');
      }
    };
    if (engine.isOwn) introduce();
  });
}
