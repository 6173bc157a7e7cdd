import { indexed } from '../client/many.js';
import { LiveResultsOfAll } from '../client/live-results.js';
import type { CallOptions } from '../client/options.js';
import type { Updates } from '../client/update.js';
import { invalid } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Params } from '../wire/values.js';
import type { Writer } from '../wire/writer.js';
import { type RowArray, rowsOf } from './rows.js';
import type { CallTarget, Row } from './statements.js';
import { LiveQuery, type WatchOptions, WATCH, watched } from './watch.js';

/** One of several queries that are watched together: its SQL, or a list of it, its parameters and its options. */
export type WatchedQuery = string | readonly [sql: string, params?: Params, options?: Pick<WatchOptions, 'rows' | 'key'>];

/** The rows of each of these queries, unless the caller names other types. */
export type RowsOf<Q extends readonly unknown[]> = {
  -readonly [K in keyof Q]: Q[K] extends readonly [any, any, { readonly rows: 'array' }] ? RowArray : Row;
};

/**
 * Several live queries, whose results are always of one moment: one tuple after another, with an {@link Update} for each
 * query. The first has the results now; then one follows when, and only when, one of the results is another. Everything
 * else is as with {@link Watch}.
 *
 * ```ts
 * const stop = db
 *   .watchAll(['SELECT * FROM items', 'SELECT count(*) AS n FROM orders'])
 *   .subscribe(([items, orders]) => render(items.rows, orders.rows[0].n));
 * ```
 */
export class WatchAll<T extends readonly unknown[] = Row[]> extends LiveQuery<Updates<T>> {
  /** @internal */
  protected override readonly results: LiveResultsOfAll<T>;

  /** @internal */
  constructor(target: CallTarget, queries: readonly WatchedQuery[], options: CallOptions | undefined) {
    super();
    const given: readonly WatchedQuery[] = Array.isArray(queries) ? [...queries] : [];
    const write = (out: Writer): void => {
      if (!Array.isArray(queries)) throw invalid('the queries must be a list');
      out.u32(given.length);
      given.forEach((query, index) => indexed(index, () => writeQuery(out, query)));
    };
    const sql = (index: number): unknown => [given[index]].flat()[0];
    const call = { op: Op.watchAll, on: target.handle, write, sql, options: target.options(options) };
    this.results = new LiveResultsOfAll<T>(target.client, call, given.map((query) => rowsOf(optionsOf(query))));
  }
}

function optionsOf(query: WatchedQuery): Pick<WatchOptions, 'rows' | 'key'> | undefined {
  return Array.isArray(query) ? (query as readonly [string, Params?, WatchOptions?])[2] : undefined;
}

function writeQuery(out: Writer, query: WatchedQuery): void {
  if (typeof query !== 'string' && !Array.isArray(query)) throw invalid('a query must be SQL or a list [sql, params, options]');
  const [sql, params, options] = typeof query === 'string' ? ([query] as const) : query;
  if (typeof (options ?? {}) !== 'object') throw invalid("the options of a query must be an object, such as { key: 'id' }");
  for (const [name, value] of Object.entries(options ?? {})) {
    // A signal and a time limit are for all of the watch.
    if (value !== undefined && !WATCH.includes(name)) throw invalid(`a query that is watched with others has no option ${JSON.stringify(name)}`);
  }
  watched(sql, params, options)(out);
}
