/**
 * Rows as objects, made by a function of their own: `{ id: …, name: … }` with the names in
 * the program costs a quarter less than assigning them one by one, which V8 looks up. In
 * browsers a page's policy would be told of each program that is made.
 */
import { type Make, making } from '../wire/make.js';

/** Wider rows take longer to compile than they save. */
const WIDEST = 64;

/**
 * The function for rows of these columns, whose cells are so many bytes each; `undefined` where there is none.
 *
 * @param names none of which is `__proto__`
 */
export function makerOf(names: readonly string[], size: number): Make | undefined {
  if (names.length > WIDEST) return undefined;
  // A name is a string in JSON, which is one in JavaScript: nothing in it can end it.
  const fields = names.map((name, index) => `${JSON.stringify(name)}:cells.cell(at+${index * size})`);
  try {
    return new Function('cells', 'at', `return {${fields.join()}}`) as Make;
  } catch (error) {
    // Node was told to make no programs. Of anything else only these names are the cause.
    if (error instanceof EvalError) making.by = undefined;
    return undefined;
  }
}
