import type { Pipe } from './pipe.js';

/** An engine that has a database open: that of this context, or that of another. */
export interface ReachableEngine {
  /** Distinguishes this engine from every other, including the next one of the same database. */
  readonly epoch: string;
  /** Settles with the reason once this engine is gone. */
  readonly gone: Promise<string>;
  /** Whether it is this context's own, to which a client may say what it wants before the engine speaks. */
  readonly isOwn: boolean;
  /** Opens a new pipe to it, on which it will say `hello`. If it is gone by then, it says nothing. */
  dial(): Promise<Pipe>;
}
