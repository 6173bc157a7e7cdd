/**
 * Rows as objects, made by a function of their own: `{ id: …, name: … }` with the names in
 * the program costs a quarter less than assigning them one by one, which V8 looks up.
 */

/** What has cells. */
export interface Cells {
  cell(at: number): unknown;
}

/** Makes a row of the cells that begin at a place. */
export type Make = (cells: Cells, at: number) => object;

/** How many rows pay for the compiler. */
export const WORTH = 500;

/** Wider rows take longer to compile than they save. */
const WIDEST = 64;

/** Whether programs may be made: in Node they may, and in browsers a page's policy would be told of each try. */
export const making = { allowed: false };

/**
 * The function for rows of these columns, whose cells are so many bytes each; `undefined` where there is none.
 *
 * @param names none of which is `__proto__`
 */
export function makerOf(names: readonly string[], size: number): Make | undefined {
  if (!making.allowed || names.length > WIDEST) return undefined;
  // A name is a string in JSON, which is one in JavaScript: nothing in it can end it.
  const fields = names.map((name, index) => `${JSON.stringify(name)}:cells.cell(at+${index * size})`);
  try {
    return new Function('cells', 'at', `return {${fields.join()}}`) as Make;
  } catch (error) {
    // Of anything else only these names are the cause.
    if (error instanceof EvalError) making.allowed = false;
    return undefined;
  }
}
