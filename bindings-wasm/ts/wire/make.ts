/** Makes rows, where there is a faster way than one assignment after another. */

/** Something that has cells. */
export interface Cells {
  cell(at: number): unknown;
}

/** Makes a row of the cells that begin at `at`. */
export type Make = (cells: Cells, at: number) => object;

/** How many rows it takes for a `Make` to pay off. */
export const WORTH = 500;

/** Returns a `Make` for these columns, none of which is `__proto__`, with cells of `size` bytes each. */
type Maker = (names: readonly string[], size: number) => Make | undefined;

/** Set by the platform's entry point, before there are rows. */
export const making: { by: Maker | undefined } = { by: undefined };
