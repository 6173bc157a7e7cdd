import type { Line } from './line.js';

/** An engine that has a database open: that of this context, or that of another. */
export interface Engine {
  /** Distinguishes this engine from every other, including the next one of the same database. */
  readonly epoch: string;
  /** Settles with the reason once this engine is gone. */
  readonly gone: Promise<string>;
  /** Opens a new line to it, on which it will say `hello`. If it is gone by then, it says nothing. */
  dial(): Promise<Line>;
}
