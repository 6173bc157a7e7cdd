/** What contexts say to each other. Changed in any way: count `PROTOCOL` up. */

import type { ErrorFields } from '../errors.js';
import type { Broke } from '../link/connector.js';
import type { Batch } from '../wire/letters.js';
import type { OnLine } from './line.js';

/**
 * Contexts with another number cannot share an engine: they run another version of the
 * package. `who`, `leads` and `resign` stay as they are in every version: by them an
 * engine hands its database over to a newer one.
 */
export const PROTOCOL = 4;

/** Who leads. */
export interface Leads {
  leads: string;
  protocol: number;
  /** Whether a hub passes ports on to it: a worker that leads has none. */
  hub: boolean;
}

/** On the BroadcastChannel of a database, heard by all who have it open. */
export type Broadcast =
  /** A context asks who leads. */
  | { who: true }
  /** The worker that leads replies, and says so when it begins. */
  | Leads
  /** A context of the version `protocol` asks the engine `resign`, of an older one, to go when nothing is open in it. */
  | { resign: string; protocol: number }
  /** A client asks the engine `to` for a line by BroadcastChannel. */
  | { dial: string; to: string };

/** From a page to the hub. */
export type ToHub =
  /** The engine `lead` of the database `name` takes ports at `port`. */
  | { lead: string; name: string; port: MessagePort }
  /** A client hands over its end of a line to the engine `reach`. */
  | { reach: string; line: string; port: MessagePort };

/** From the hub to a page: whether the line's end was passed on. */
export type FromHub = { line: string; passed: boolean };

/** From the hub to an engine. */
export type Passed = { line: string; port: MessagePort };

/** From a client over its line. Its batches of requests are bare. */
export type FromClient =
  | Batch
  | { open: string; options: object; presence: string }
  | { close: true };

/** To a client over its line. Batches of replies are bare. */
export type ToClient =
  | Batch
  | { hello: true }
  | { opened: number }
  | { failed: ErrorFields }
  /** The call `running` has been running for a while; removing the file `token` stops it. */
  | { running: number; token: string | undefined }
  /** The engine broke; `by`: by a request of this client. */
  | { broke: string; by: Broke | undefined }
  | { closed: true };

/** What the page tells the worker that it leads with. */
export type ToWorker =
  /** Load the engine from this address, and wait. */
  | { prepare: string }
  | {
      start: string;
      storage: 'opfs' | 'memory';
      epoch: string;
      wasm: string;
      /** Where the hub hands over ports, if there is one. */
      hub: MessagePort | undefined;
    }
  /** A new line between the two. */
  | { line: string }
  | OnLine
  /** End as soon as no client is left. The answer is `staying` or `ended`. */
  | { leave: true }
  /** The page has clients again. */
  | { stay: true }
  /** Instead of all this: bring in a file as the database `import`. The replies are `next` or `failed`. */
  | { import: string; replace: boolean }
  | { chunk: ArrayBuffer }
  /** The file is complete, or will never be. The answer is `imported` or `failed`. */
  | { end: true }
  | { abort: true };

/** What the worker tells its page. */
export type FromWorker =
  | OnLine
  | { ready: true }
  | { failed: ErrorFields }
  | { staying: true }
  | { ended: true }
  /** A newer version of the package has the database from now on. */
  | { yielded: true }
  /** The engine broke; whether it is known by which call. */
  | { crashed: string; blamed: boolean }
  /** An import has room for the next chunk. */
  | { next: true }
  /** The import is over: whether the file is the database now. */
  | { imported: boolean };
