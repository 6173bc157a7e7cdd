/**
 * Live queries in React components: `import { useLiveQuery } from 'ubiqlite/react'`.
 *
 * @module
 */

import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';

import type { Database } from '../api/database.js';
import type { ObjectRows, RowArray } from '../api/rows.js';
import type { Select } from '../api/select.js';
import type { Row } from '../api/statements.js';
import type { Watch } from '../api/watch.js';
import type { Params } from '../wire/values.js';
import { type LiveQuery, Subscription, pending } from './subscription.js';

export type { LiveQuery } from './subscription.js';

/** The options of a live query in a component. */
export interface LiveQueryOptions {
  /** The form of a row, as in every call that returns rows. Default: `'object'`. */
  rows?: 'object' | 'array';
  /**
   * Whether the rows of the query before are returned while those of another one (other SQL, other parameters) are not
   * there yet. Default: false, so that rows are always those of the query.
   */
  keepPreviousRows?: boolean;
}

/**
 * Returns the result of a query, and renders the component again when, and only when, it is another.
 *
 * The query is told by its values: SQL, parameters and selections may be written in the component. A value that is
 * another in each render, such as `Date.now()`, would begin another query each time: keep it in state. Components with the
 * same query on the same database share one watch, which ends with the last of them. Row objects that did not change
 * are the same objects. Where `db` is `null` or `undefined`, nothing is watched and the result is pending.
 *
 * ```tsx
 * function Items({ status }: { status: string }) {
 *   const { rows, error } = useLiveQuery<Item>(db, 'SELECT id, name FROM items WHERE status = ?', [status]);
 *   if (error) throw error;
 *   return <ul>{rows?.map((item) => <li key={item.id}>{item.name}</li>)}</ul>;
 * }
 * ```
 * @returns `rows`, `status` and `error`; nothing is thrown. On a server the result is pending.
 */
export function useLiveQuery<T = Row>(
  db: Database | null | undefined,
  sql: string,
  params?: Params,
  options?: LiveQueryOptions & { rows?: 'object' },
): LiveQuery<T>;
export function useLiveQuery<T extends readonly unknown[] = RowArray>(
  db: Database | null | undefined,
  sql: string,
  params: Params | undefined,
  options: LiveQueryOptions & { rows: 'array' },
): LiveQuery<T>;
/** Returns the result of a selection: `useLiveQuery(db.table('items').select().where('status', 'new'))`. */
export function useLiveQuery<T>(selection: Select<T> | null | undefined, options?: LiveQueryOptions & { rows?: 'object' }): LiveQuery<T>;
export function useLiveQuery(selection: Select<any> | null | undefined, options: LiveQueryOptions & { rows: 'array' }): LiveQuery<RowArray>;
export function useLiveQuery<T>(
  source: Database | Select<T> | null | undefined,
  ...rest: [LiveQueryOptions?] | [string, Params?, LiveQueryOptions?]
): LiveQuery<T> {
  const options = (typeof rest[0] === 'string' ? rest[2] : rest[0]) as LiveQueryOptions | undefined;
  const { keepPreviousRows, ...ours } = options ?? {};
  // A limit of the handle is for calls that end: a watch may wait for a change for as long as it takes.
  const how = { ...ours, timeout: Infinity } as ObjectRows;
  const watch = (): Watch<T> | undefined => {
    if (source === null || source === undefined) return undefined;
    return 'query' in source ? source.watch<T>(rest[0] as string, rest[1] as Params | undefined, how) : source.watch(how);
  };
  const { client, request, failed } = asked(watch, how.rows);
  // Nothing is begun while rendering: a render may be discarded.
  const subscription = useMemo(() => new Subscription<T>(client, request, watch, failed), [client, request]);
  const result = useSyncExternalStore(subscription.subscribe, subscription.read, pending<T>);
  const shown = useRef<readonly T[] | undefined>(undefined);
  useEffect(() => {
    if (result.rows !== undefined) shown.current = result.rows;
  });
  if (keepPreviousRows !== true || result.status !== 'pending' || shown.current === undefined) return result;
  return { ...result, rows: shown.current };
}

/** What tells a query from others. */
interface Asked {
  client: object | undefined;
  /** What the engine would be asked. */
  request: string;
  /** Why it can't be asked. */
  failed?: Error;
}

function asked(watch: () => Watch<any> | undefined, rows: string | undefined): Asked {
  try {
    const [client, request] = watch()?.asked() ?? [undefined, ''];
    return { client, request: `${rows ?? 'object'} ${request}` };
  } catch (error) {
    const failed = error as Error;
    return { client: undefined, request: `${failed.name}: ${failed.message}`, failed };
  }
}
