import { invalid } from '../errors.js';
import type { CallOptions } from '../client/options.js';
import { Op } from '../wire/ops.js';
import { type Value, writeValue } from '../wire/values.js';
import type { Writer } from '../wire/writer.js';
import type { ColumnOf, Stored } from './columns.js';
import { type ArrayRows, type ObjectRows, type RowArray, type RowOptions, ROWS, checkRows, shapeOf } from './rows.js';
import type { CallTarget, Row } from './statements.js';
import { RowStream } from './stream.js';
import { Watch } from './watch.js';

/** How a column is compared with a value. `like` takes a pattern with `%` and `_`. */
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'like' | 'not like';

const COMPARE: Record<Comparison, number> = { '=': 0, '!=': 1, '<': 2, '<=': 3, '>': 4, '>=': 5, like: 6, 'not like': 7 };
const IN = 8;
const NULL = 9;
const NOT_NULL = 10;

/** What a column can be compared with. */
export type Compared<T, C> = C extends keyof T ? Stored<T[C]> | null : Value;

type Filter = (out: Writer) => void;

/**
 * Selects rows by filters, in an order, with limit and offset. All filters must match.
 * Nothing runs until `all()`, `first()`, `count()`, `stream()` or `watch()`.
 *
 * ```ts
 * const rows = await db.table('items').select()
 *   .whereIn('status', ['new', 'done']).where('value', '>=', 10)
 *   .orderBy('id', 'desc').limit(20).all();
 * ```
 */
export class Select<T = Row> {
  private readonly filters: Filter[] = [];
  private readonly order: [column: string, descending: boolean][] = [];
  private most: number | undefined;
  private skipped = 0;

  /** @internal */
  constructor(
    private readonly target: CallTarget,
    private readonly table: string,
  ) {}

  /** Selects rows whose column equals the value, or is `NULL` if the value is `null`. */
  where<C extends ColumnOf<T>>(column: C, value: Compared<T, C>): this;
  /** Selects rows whose column matches the pattern, or does not match it. */
  where(column: ColumnOf<T>, comparison: 'like' | 'not like', pattern: string): this;
  /** Selects rows for which the comparison of the column with the value holds. */
  where<C extends ColumnOf<T>>(column: C, comparison: Comparison, value: Compared<T, C>): this;
  where(column: string, ...rest: [unknown] | [Comparison, unknown]): this {
    const [comparison, value] = rest.length === 1 ? (['=', rest[0]] as const) : rest;
    if (!Object.hasOwn(COMPARE, comparison)) {
      throw invalid(`${JSON.stringify(comparison)} is not a comparison; use one of: ${Object.keys(COMPARE).join(' ')}`);
    }
    return this.filter(COMPARE[comparison], column, (out) => writeValue(out, value, 'the value for', column));
  }

  /** Selects rows whose column equals one of the values. An empty list selects no rows. */
  whereIn<C extends ColumnOf<T>>(column: C, values: Iterable<Compared<T, C>>): this {
    const list = [...values];
    return this.filter(IN, column, (out) => {
      out.u32(list.length);
      for (const value of list) writeValue(out, value, 'a value for', column);
    });
  }

  /** Selects rows whose column is `NULL`. */
  whereNull(column: ColumnOf<T>): this {
    return this.filter(NULL, column);
  }

  /** Selects rows whose column is not `NULL`. */
  whereNotNull(column: ColumnOf<T>): this {
    return this.filter(NOT_NULL, column);
  }

  /** Orders by this column, after the columns given earlier. */
  orderBy(column: ColumnOf<T>, direction: 'asc' | 'desc' = 'asc'): this {
    if (direction !== 'asc' && direction !== 'desc') throw invalid(`an order must be 'asc' or 'desc'`);
    this.order.push([column, direction === 'desc']);
    return this;
  }

  /** Selects at most `rows` rows. */
  limit(rows: number): this {
    this.most = rows;
    return this;
  }

  /** Skips the first `rows` rows. */
  offset(rows: number): this {
    this.skipped = rows;
    return this;
  }

  /** Returns all selected rows. */
  all(options?: ObjectRows): Promise<T[]>;
  all(options: ArrayRows): Promise<RowArray[]>;
  all(options?: RowOptions): Promise<unknown[]> {
    return this.target.call(Op.select, this.written(options), shapeOf(options).all<unknown>, options, undefined, ROWS);
  }

  /** Returns the first selected row, or `undefined`. */
  first(options?: ObjectRows): Promise<T | undefined>;
  first(options: ArrayRows): Promise<RowArray | undefined>;
  first(options?: RowOptions): Promise<unknown> {
    return this.target.call(Op.selectFirst, this.written(options), shapeOf(options).first<unknown>, options, undefined, ROWS);
  }

  /** Returns the number of selected rows. */
  count(options?: CallOptions): Promise<number> {
    return this.target.call(Op.selectCount, this.write, (reply) => reply.count(), options);
  }

  /** Streams the selected rows. */
  stream(options?: ObjectRows): RowStream<T>;
  stream(options: ArrayRows): RowStream<RowArray>;
  stream(options?: RowOptions): RowStream<any> {
    return new RowStream(this.target, Op.selectStream, this.written(options), options);
  }

  /** Watches the selected rows, which are told apart by the table's key: see {@link Database.watch}. */
  watch(options?: ObjectRows): Watch<T>;
  watch(options: ArrayRows): Watch<RowArray>;
  watch(options?: RowOptions): Watch<any> {
    return new Watch(this.target, Op.selectWatch, this.written(options), options);
  }

  private written(options: RowOptions | undefined): (out: Writer) => void {
    if (options?.rows === undefined) return this.write;
    return (out) => {
      checkRows(options);
      this.write(out);
    };
  }

  private filter(compare: number, column: string, operand?: (out: Writer) => void): this {
    this.filters.push((out) => {
      out.u8(compare);
      out.text(column);
      operand?.(out);
    });
    return this;
  }

  private readonly write = (out: Writer): void => {
    out.text(this.table);
    out.u32(this.filters.length);
    for (const filter of this.filters) filter(out);
    out.u32(this.order.length);
    for (const [column, descending] of this.order) {
      out.text(column);
      out.u8(descending ? 1 : 0);
    }
    out.u8(this.most === undefined ? 0 : 1);
    if (this.most !== undefined) out.f64(this.most);
    out.f64(this.skipped);
  };
}
