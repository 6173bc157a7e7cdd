/** What makes rows, where something does that is quicker than one assignment after another. */

/** What has cells. */
export interface Cells {
  cell(at: number): unknown;
}

/** Makes a row of the cells that begin at a place. */
export type Make = (cells: Cells, at: number) => object;

/** How many rows pay for making it. */
export const WORTH = 500;

/** Makes what makes rows of these columns, none of which is `__proto__`, whose cells are so many bytes each. */
type Maker = (names: readonly string[], size: number) => Make | undefined;

/** Set by the platform's entry, before there are rows. */
export const making: { by: Maker | undefined } = { by: undefined };
