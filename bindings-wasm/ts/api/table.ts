import { invalid } from '../errors.js';
import { sendMany } from '../client/many.js';
import { type CallOptions, merged } from '../client/options.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import { type Fields, type Key, type Value, writeFields, writeKey, writeValue } from '../wire/values.js';
import type { Writer } from '../wire/writer.js';
import type { ColumnOf, Storable, Writes, Written } from './columns.js';
import { type ArrayRows, type ObjectRows, type RowArray, type RowOptions, checkRows, shapeOf } from './rows.js';
import { Select } from './select.js';
import type { CallTarget, Row } from './statements.js';
import { RowStream } from './stream.js';

const keyOf = <K>(reply: Reply): K => reply.key() as K;

/** An amount to move from one row to another. */
export type Transfer =
  | { readonly from: Key; readonly to: Key; readonly amount: number | bigint }
  | readonly [from: Key, to: Key, amount: number | bigint];

/**
 * A table, or a view to read from. Table and column names are checked against the schema
 * and quoted, so no name can become SQL. An unknown name fails with `NoSuchTable` or
 * `NoSuchColumn` before anything runs. Rows are identified by their primary key, whatever
 * it is called, or by the rowid in a table without one.
 *
 * ```ts
 * interface Item { id: number; name: string; status: 'new' | 'done'; value: number | null }
 * const items = db.table<Item>('items');
 * const id = await items.insert({ name: 'lamp', status: 'new' });
 * await items.update(id, { status: 'done' });
 * const done = await items.select().where('status', 'done').orderBy('id').all();
 * ```
 *
 * `T` is what a row is read as. The compiler checks the names and values in writes, filters
 * and orders against it. `W` is what is written where that differs, as for a column of
 * JSON: `db.table<Item, { name?: string; data?: { watt: number } }>('items')`.
 */
export class Table<T extends object = Row, W extends object = Writes<T>> {
  /** @internal */
  constructor(
    private readonly target: CallTarget,
    /** The table's name. */
    readonly name: string,
  ) {
    if (typeof name !== 'string') throw invalid('the name of a table must be a string');
  }

  /**
   * Inserts a row and returns its key. Columns that are not named get their defaults.
   * @throws {@link UbiqliteError} `NoSuchTable`, `NoSuchColumn`, and the errors of violated constraints
   */
  insert<K = any, F extends Storable<F> = Fields>(fields: Written<T, W, F>, options?: CallOptions): Promise<K> {
    return this.call(Op.insert, (out) => writeFields(out, fields as Fields), keyOf<K>, options);
  }

  /**
   * Inserts a row or, if there is one with its primary key already, sets the named columns
   * of that row. Returns the key.
   */
  upsert<K = any, F extends Storable<F> = Fields>(fields: Written<T, W, F>, options?: CallOptions): Promise<K> {
    return this.call(Op.upsert, (out) => writeFields(out, fields as Fields), keyOf<K>, options);
  }

  /**
   * Inserts rows, all or none, and returns how many. Rows may name different columns.
   * @throws {@link UbiqliteError} whose `index` is that of the row
   */
  async insertMany<F extends Storable<F> = Fields>(
    rows: Iterable<Written<T, W, F>> | AsyncIterable<Written<T, W, F>>,
    options?: CallOptions,
  ): Promise<number> {
    const { client, handle: on, defaults } = this.target;
    const head = (out: Writer): void => out.text(this.name);
    return sendMany(client, { op: Op.insertMany, on, options: merged(defaults, options), head, row: writeFields, rows: rows as Iterable<Fields> });
  }

  /** Returns the row with this key, or `undefined`. */
  get(key: Key, options?: CallOptions): Promise<T | undefined> {
    return this.call(Op.get, (out) => writeKey(out, key), shapeOf(undefined).first<T>, options);
  }

  /**
   * Sets the named columns of a row and returns whether the row exists.
   * Without columns it returns `false` and touches nothing.
   */
  update<F extends Storable<F> = Fields>(key: Key, fields: Written<T, W, F>, options?: CallOptions): Promise<boolean> {
    const write = (out: Writer): void => {
      writeKey(out, key);
      writeFields(out, fields as Fields);
    };
    return this.call(Op.update, write, (reply) => reply.bool(), options);
  }

  /**
   * Sets the named columns of many rows, all or none, and returns how many rows existed:
   * unknown keys are skipped, and a key given twice counts once.
   */
  updateMany<F extends Storable<F> = Fields>(
    keys: Iterable<Key>,
    fields: Written<T, W, F>,
    options?: CallOptions,
  ): Promise<number> {
    const write = (out: Writer): void => {
      const list = [...keys];
      out.u32(list.length);
      for (const key of list) writeKey(out, key);
      writeFields(out, fields as Fields);
    };
    return this.call(Op.updateMany, write, (reply) => reply.count(), options);
  }

  /** Deletes a row and returns whether there was one. */
  delete(key: Key, options?: CallOptions): Promise<boolean> {
    return this.call(Op.delete, (out) => writeKey(out, key), (reply) => reply.bool(), options);
  }

  /** Selects rows by filters, in an order, with limit and offset. */
  select(): Select<T> {
    return new Select<T>(this.target, this.name);
  }

  /** Returns the number of rows. */
  count(options?: CallOptions): Promise<number> {
    return this.select().count(options);
  }

  /** Streams all rows in the order of their keys. */
  stream(options?: ObjectRows): RowStream<T>;
  stream(options: ArrayRows): RowStream<RowArray>;
  stream(options?: RowOptions): RowStream<any> {
    const write = (out: Writer): void => {
      checkRows(options);
      out.text(this.name);
    };
    return new RowStream(this.target, Op.tableStream, write, options);
  }

  /**
   * Moves amounts between rows, all or none: each is subtracted from the column of one
   * row and added to that of another.
   *
   * ```ts
   * await db.table('accounts').transfer('balance', [{ from: 1, to: 2, amount: 50 }]);
   * ```
   * @throws {@link NotFoundError} if a row does not exist, {@link CheckViolationError} and others if a constraint
   * is violated; `index` is that of the transfer, and nothing is changed
   */
  transfer(column: ColumnOf<T>, transfers: Iterable<Transfer>, options?: CallOptions): Promise<void> {
    const write = (out: Writer): void => {
      const list = [...transfers];
      out.text(column);
      out.u32(list.length);
      list.forEach((transfer, index) => {
        const [from, to, amount] = isTuple(transfer) ? transfer : [transfer.from, transfer.to, transfer.amount];
        writeKey(out, from);
        writeKey(out, to);
        writeValue(out, amount satisfies Value, `the amount of transfer ${index}`);
      });
    };
    return this.call(Op.transfer, write, () => undefined, options);
  }

  private call<R>(
    op: number,
    write: (out: Writer) => void,
    read: (reply: Reply) => R,
    options: CallOptions | undefined,
  ): Promise<R> {
    const whole = (out: Writer): void => {
      out.text(this.name);
      write(out);
    };
    return this.target.call(op, whole, read, options);
  }
}

function isTuple(transfer: Transfer): transfer is readonly [Key, Key, number | bigint] {
  return Array.isArray(transfer);
}
