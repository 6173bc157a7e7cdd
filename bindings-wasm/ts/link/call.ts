import type { Reply } from '../wire/reply.js';
import type { Piece, Writer } from '../wire/writer.js';
import type { Held } from './held.js';
import type { CallOptions } from './options.js';
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
  /** It changes nothing: after the engine was lost it is asked of the next one. */
  again?: boolean;
  /** More rows will follow. */
  more?: boolean;
  /** Rows of it are still to be sent, so it can't have been committed. */
  incomplete?: () => boolean;
  options?: CallOptions | undefined;
}

/** A request under way. */
export interface Pending {
  readonly id: number;
  readonly call: Call<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** What the caller was given. */
  promise: Promise<unknown> | undefined;
  /** What the parts of the reply that have come were read as. */
  before: unknown;
  /** Where its bytes are: until it is posted, and for one that may be asked again also after that. */
  piece: Piece | undefined;
  place: number;
  length: number;
  /** It is on its way to an engine, or there. */
  posted: boolean;
  /** When it has to be over, by `performance.now()`. */
  deadline: number | undefined;
  /** Ends the listening to its signal. */
  unlisten: (() => void) | undefined;
}
