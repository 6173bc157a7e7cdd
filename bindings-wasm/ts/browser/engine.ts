import type { Line } from './line.js';

/** An engine that has a database open: the one of this context, or that of another. */
export interface Engine {
  /** Tells this engine from every other, the next one of the same database too. */
  readonly epoch: string;
  /** Settles with the reason when this engine is gone. */
  readonly gone: Promise<string>;
  /** A new line to it, on which it will say `hello`. It says nothing if it is gone by then. */
  dial(): Promise<Line>;
}
