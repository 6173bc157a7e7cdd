import { invalid } from '../errors.js';
import type { CallOptions } from '../link/options.js';
import type { Ran } from '../wire/reply.js';
import type { Rows } from '../wire/rows.js';

/** What a call takes that gives rows. */
export interface RowOptions extends CallOptions {
  /**
   * What a row is: `'object'`, its values by column name, or `'array'`, a list of its
   * values in the order of the columns. Default: `'object'`.
   */
  rows?: 'object' | 'array';
}

/** The options of a call whose rows are objects. */
export interface ObjectRows extends RowOptions {
  rows?: 'object';
}

/** The options of a call whose rows are lists. */
export interface ArrayRows extends RowOptions {
  rows: 'array';
}

/** A row as a list, where nothing else is said. */
export type RowArray = any[];

/** All that one statement has to tell: what `run()` gives. */
export interface RunResult<T> extends Ran {
  /** The rows. */
  rows: T[];
}

/** The option that calls take which give rows, beside those of every call. @internal */
export const ROWS: readonly string[] = ['rows'];

/** @throws InvalidArgumentError for what no row can be. @internal */
export function checkRows(options: RowOptions | undefined): void {
  const rows: unknown = options?.rows;
  if (rows === undefined || rows === 'object' || rows === 'array') return;
  throw invalid(`rows come as 'object' or 'array', not as ${JSON.stringify(rows) ?? typeof rows}`);
}

/** @internal */
export function objects<T>(rows: Rows, before?: T[]): T[] {
  return rows.objects(before);
}

/** @internal */
export function lists<T>(rows: Rows, before?: T[]): T[] {
  return rows.lists(before);
}
