/** The messages between contexts. Increment `PROTOCOL` after any change. */

import type { ErrorFields } from '../errors.js';
import type { Broke } from '../client/connector.js';
import type { Batch } from '../wire/latin1.js';
import type { PipeMessage } from './pipe.js';

/**
 * Contexts with different numbers can't share an engine: they run different versions of
 * the package. `who`, `leads` and `resign` stay the same in every version: through them
 * an engine hands its database over to a newer one.
 */
export const PROTOCOL = 5;

/** Says which engine leads. */
export interface Leads {
  leads: string;
  protocol: number;
  /** Whether a hub passes ports on to it. If a worker leads, there is none. */
  hub: boolean;
}

/** On the BroadcastChannel of a database, received by every context that has it open. */
export type Broadcast =
  /** A context asks who leads. */
  | { who: true }
  /** The reply of the leading worker, which also sends it when it begins. */
  | Leads
  /** A context of version `protocol` asks the engine `resign`, of an older one, to go once nothing is open in it. */
  | { resign: string; protocol: number }
  /** A client asks the engine `to` for a pipe by BroadcastChannel. */
  | { dial: string; to: string };

/** From a page to the hub. */
export type ToHub =
  /** The engine `lead` of the database `name` accepts ports at `port`. */
  | { lead: string; name: string; port: MessagePort }
  /** A client hands over its end of a pipe to the engine `reach`. */
  | { reach: string; pipe: string; port: MessagePort };

/** From the hub to a page: whether the end of the pipe was passed on. */
export type FromHub = { pipe: string; passed: boolean };

/** From the hub to an engine. */
export type Passed = { pipe: string; port: MessagePort };

/** From a client over its pipe. Its batches of requests are bare. */
export type FromClient =
  | Batch
  | { open: string; options: object; presence: string }
  | { close: true };

/** To a client over its pipe. Batches of replies are bare. */
export type ToClient =
  | Batch
  | { hello: true }
  | { opened: number }
  | { failed: ErrorFields }
  /** The call `running` has been running for a while; removing the file `token` stops it. */
  | { running: number; token: string | undefined }
  /** The engine broke; `by`: through this request of the client. */
  | { broke: string; by: Broke | undefined }
  | { closed: true };

/** From the page to the worker that it leads with. */
export type ToWorker =
  /** Load the engine, and wait. If its code does not come with `module`, it is at this address. */
  | { prepare: string }
  /** The code of the engine, compiled; `undefined`: it could not be compiled there. */
  | { module: WebAssembly.Module | undefined }
  | {
      start: string;
      storage: 'opfs' | 'memory';
      epoch: string;
      wasm: string;
      /** Where the hub hands over ports, if there is one. */
      hub: MessagePort | undefined;
    }
  /** A new pipe between the two. */
  | { pipe: string }
  | PipeMessage
  /** End as soon as no client is left. The reply is `staying` or `ended`. */
  | { leave: true }
  /** The page has clients again. */
  | { stay: true }
  /** Instead of all this: import a file as the database `import`. The replies are `next` or `failed`. */
  | { import: string; replace: boolean }
  | { chunk: ArrayBuffer }
  /** The file is complete, or never will be. The reply is `imported` or `failed`. */
  | { end: true }
  | { abort: true };

/** From the worker to its page. */
export type FromWorker =
  | PipeMessage
  | { ready: true }
  | { failed: ErrorFields }
  | { staying: true }
  | { ended: true }
  /** A newer version of the package has taken over the database. */
  | { yielded: true }
  /** The engine broke; `blamed`: whether the call that broke it is known. */
  | { crashed: string; blamed: boolean }
  /** An import has room for the next chunk. */
  | { next: true }
  /** The import is over; `imported`: whether the file is now the database. */
  | { imported: boolean };
