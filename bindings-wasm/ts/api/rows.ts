import { invalid } from '../errors.js';
import type { CallOptions } from '../client/options.js';
import type { Ran, Reply } from '../wire/reply.js';
import type { Rows } from '../wire/rows.js';

/** The options of a call that returns rows. */
export interface RowOptions extends CallOptions {
  /**
   * The form of a row: `'object'`, its values by column name, or `'array'`, its values
   * in column order. Default: `'object'`.
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

/** A row as a list, unless the caller names another type. */
export type RowArray = any[];

/** Everything that one statement reports: the result of `run()`. */
export interface RunResult<T> extends Ran {
  /** The rows. */
  rows: T[];
}

/** The options that calls returning rows take in addition to those of every call. @internal */
export const ROWS: readonly string[] = ['rows'];

/** @throws InvalidArgumentError for an unknown form of rows. @internal */
export function checkRows(options: RowOptions | undefined): void {
  const rows: unknown = options?.rows;
  if (rows === undefined || rows === 'object' || rows === 'array') return;
  throw invalid(`the option rows must be 'object' or 'array', not ${JSON.stringify(rows) ?? typeof rows}`);
}

/** How the rows of replies are returned to the caller. @internal */
export interface Shape {
  /** All rows, appended to those of the reply's earlier parts. */
  all<T>(reply: Reply, before?: T[]): T[];
  /** The first row, if any. */
  first<T>(reply: Reply): T | undefined;
  /** The result of `run()`. */
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

/** Returns how a watch reads the rows of a reply. @internal */
export function rowsOf<T>(options: RowOptions | undefined): (rows: Rows) => T[] {
  return options?.rows === 'array' ? (rows) => rows.lists() : (rows) => rows.objects();
}

/** Returns the shape of the rows that these options request. @internal */
export function shapeOf(options: RowOptions | undefined): Shape {
  return options?.rows === 'array' ? LISTS : OBJECTS;
}
