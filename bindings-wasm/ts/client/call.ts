import type { Reply } from '../wire/reply.js';
import type { Piece, Writer } from '../wire/writer.js';
import type { Effect } from './call-state.js';
import type { RemoteHandle } from './remote-handle.js';
import type { Checked } from './options.js';
import type { Sql } from './trace.js';
import type { CallTrace } from './tracer.js';

/** A request to make, and how its reply is read. */
export interface Call<T> {
  op: number;
  /** What the call is made on; `undefined`: the database. */
  on?: RemoteHandle | undefined;
  /** The request that this one sends more rows for. */
  part?: Pending | undefined;
  /** Writes the payload. */
  write?: ((out: Writer) => void) | undefined;
  /** Reads the reply; `before` is the result of reading its earlier parts, in order. */
  read: (reply: Reply, before?: T) => T;
  /** The SQL that it was given, for its error. */
  sql?: Sql | undefined;
  /** More rows will follow. */
  more?: boolean;
  /** Whether rows of it have yet to be posted, so that it can't have been committed. */
  incomplete?: () => boolean;
  /** Carried out twice, it does as much as once. */
  repeats?: boolean | undefined;
  options?: Checked | undefined;
  /** It waits for what the engine wants: nothing waits for it, neither closing nor the process. */
  background?: boolean;
  /** Who traces it, if somebody does. */
  trace?: CallTrace | undefined;
}

export type Resolve = (value: unknown) => void;
export type Reject = (error: unknown) => void;

/** A request in progress. Its stages are in `call-state.ts`. */
export interface Pending {
  /** Its number, which changes when it is sent again as a write. */
  id: number;
  readonly call: Call<unknown>;
  resolve: Resolve;
  reject: Reject;
  /** The promise that the caller got. */
  promise: Promise<unknown> | undefined;
  /** What it does if it is carried out. */
  effect: Effect;
  /** It is sent to run only if it changes nothing. */
  reads: boolean;
  /** The result of reading the parts of the reply that have arrived. */
  before: unknown;
  /** Where its bytes are, until it is posted; longer if it may be sent again. */
  piece: Piece | undefined;
  place: number;
  length: number;
  /** Its bytes stay there after it is posted. */
  kept: boolean;
  /** It is on its way to an engine, or there. */
  posted: boolean;
  /** It was cancelled when it may have happened: the reason, and until when to wait for the engine's word. */
  withdrawn: { reason: unknown; until: number } | undefined;
  /** It may have happened in an engine that is gone. */
  doubted: boolean;
  /** Its engine broke while running it, before it changed anything. */
  cleared: boolean;
  /** How many engines broke while running it. */
  broke: number;
  /** When it must be over, by `performance.now()`. */
  deadline: number | undefined;
  /** Stops listening to its signal. */
  unlisten: (() => void) | undefined;
  /** Called once it is settled. */
  settled: (() => void) | undefined;
}

/** Returns the state of a request that was just written at this position. */
export function pendingOf(
  id: number,
  call: Call<unknown>,
  effect: Effect,
  reads: boolean,
  place: number,
  resolve: Resolve,
  reject: Reject,
): Pending {
  return {
    id,
    call,
    resolve,
    reject,
    promise: undefined,
    effect,
    reads,
    before: undefined,
    piece: undefined,
    place,
    length: 0,
    kept: false,
    posted: false,
    withdrawn: undefined,
    doubted: false,
    cleared: false,
    broke: 0,
    deadline: undefined,
    unlisten: undefined,
    settled: undefined,
  };
}
