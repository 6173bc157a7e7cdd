import { invalid } from '../errors.js';
import type { CallOptions } from '../link/options.js';
import type { Ran, Reply } from '../wire/reply.js';
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

/** What the rows of replies are given as. @internal */
export interface Shape {
  /** All rows, after those of the reply's other parts. */
  all<T>(reply: Reply, before?: T[]): T[];
  /** The first row, if there is one. */
  first<T>(reply: Reply): T | undefined;
  /** Those of `run()`. */
  ran<T>(reply: Reply): RunResult<T>;
}

function shape(all: <T>(rows: Rows, before?: T[]) => T[], first: (rows: Rows) => unknown): Shape {
  return {
    all: (reply, before) => all(reply.rows(), before),
    first: <T>(reply: Reply) => first(reply.rows()) as T | undefined,
    ran: (reply) => {
      const { ran, rows } = reply.ran();
      return { ...ran, rows: all(rows) };
    },
  };
}

const OBJECTS = shape(
  (rows, before) => rows.objects(before),
  (rows) => rows.object(),
);
const LISTS = shape(
  (rows, before) => rows.lists(before),
  (rows) => rows.first(),
);

/** What a call gives its rows as. @internal */
export function shapeOf(options: RowOptions | undefined): Shape {
  return options?.rows === 'array' ? LISTS : OBJECTS;
}
