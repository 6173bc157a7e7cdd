import type { Reply } from '../wire/reply.js';
import type { Piece, Writer } from '../wire/writer.js';
import type { Effect } from './course.js';
import type { Held } from './held.js';
import type { Checked } from './options.js';
import type { Sql } from './trace.js';

/** What is asked for, and what becomes of the reply. */
export interface Call<T> {
  op: number;
  /** What it is a call on; none: the database. */
  on?: Held | undefined;
  /** The request that it brings more rows for. */
  part?: Pending | undefined;
  /** Writes the payload. */
  write?: ((out: Writer) => void) | undefined;
  /** Reads the reply; `before` is what the parts before it, in their order, were read as. */
  read: (reply: Reply, before?: T) => T;
  /** What it was given as SQL, for its error. */
  sql?: Sql | undefined;
  /** More rows will follow. */
  more?: boolean;
  /** Rows of it are still to be posted, so it can't have been committed. */
  incomplete?: () => boolean;
  options?: Checked | undefined;
}

export type Resolve = (value: unknown) => void;
export type Reject = (error: unknown) => void;

/** A request under way; its stages are in `course.ts`. */
export interface Pending {
  /** Its number, another one when it is asked in another way. */
  id: number;
  readonly call: Call<unknown>;
  resolve: Resolve;
  reject: Reject;
  /** What the caller was given. */
  promise: Promise<unknown> | undefined;
  /** What it does, if it is carried out. */
  effect: Effect;
  /** It is asked to run only if it changes nothing. */
  reads: boolean;
  /** What the parts of the reply that have come were read as. */
  before: unknown;
  /** Where its bytes are: until it is posted, and for one that may be asked again also after that. */
  piece: Piece | undefined;
  place: number;
  length: number;
  /** Its bytes stay there after it was posted. */
  kept: boolean;
  /** It is on its way to an engine, or there. */
  posted: boolean;
  /** It was given up when it may have happened: for what reason, and how long the engine's word is waited for. */
  withdrawn: { reason: unknown; until: number } | undefined;
  /** It may have happened in an engine that is gone. */
  doubted: boolean;
  /** Its engine broke in it before it changed anything. */
  cleared: boolean;
  /** How often an engine broke while it ran. */
  broke: number;
  /** When it has to be over, by `performance.now()`. */
  deadline: number | undefined;
  /** Ends the listening to its signal. */
  unlisten: (() => void) | undefined;
  /** Called when it is settled. */
  settled: (() => void) | undefined;
}

/** A request that was just written, at this place. */
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
