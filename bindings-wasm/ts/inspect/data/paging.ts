import type { Details } from './schema.js';
import { type Cell, quoted } from './source.js';

/** How many rows a page has. */
export const PAGE = 100;

/** Values of more bytes than this are cut by the query, so that a table of photos can be looked at. */
export const LARGE = 1024;
/** What is left of them: characters of a text, bytes of a blob. */
const KEPT = 256;
/** SQLite's limit for the columns of a result. */
const COLUMNS = 2000;

/** The order of the rows, by a column. */
export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

/** Where a page is: next to a row with this key, or after so many rows. */
export type Position =
  | { readonly at: 'first' }
  | { readonly at: 'last' }
  | { readonly at: 'after' | 'before'; readonly key: readonly Cell[] }
  | { readonly at: 'offset'; readonly offset: number };

export const FIRST: Position = { at: 'first' };

/** The query of a page. */
export interface PageQuery {
  readonly sql: string;
  readonly params: readonly Cell[];
  /** The columns of the result that tell its rows from each other; none: all do. */
  readonly key: readonly string[];
  /** Whether the rows come last first. */
  readonly reversed: boolean;
  /** Whether large values are cut, each followed by its size. */
  readonly cut: boolean;
}

/** A row of a page. */
export interface PageRow {
  readonly key: readonly Cell[];
  readonly cells: readonly { readonly value: Cell; readonly size: number | undefined }[];
}

/**
 * Returns what tells the rows of a table from each other, as SQL, in an order that an index has; nothing for a view or a
 * virtual table, and for a table whose columns have taken all names of the rowid.
 */
export function keyOf({ kind, withoutRowid, columns }: Details): readonly string[] {
  if (kind === 'view' || kind === 'virtual') return [];
  if (withoutRowid) {
    const parts = columns.filter(({ keyPlace }) => keyPlace > 0).sort((a, b) => a.keyPlace - b.keyPlace);
    return parts.map(({ name }) => `t.${quoted(name)}`);
  }
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()));
  const free = ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name));
  // A page of so many columns has no room for it.
  return free === undefined || columns.length === COLUMNS ? [] : [`t.${free}`];
}

/** Returns the query of a page, with one row more than the page has, which tells whether more follow. */
export function pageQuery(table: Details, position: Position, sort?: Sort): PageQuery {
  const key = keyOf(table);
  const names = key.map((_, place) => `key ${place}`);
  // A column that may be cut takes two.
  const cut = key.length + 2 * table.columns.length <= COLUMNS;
  const cells = table.columns.map(({ name }) => {
    const column = `t.${quoted(name)}`;
    if (!cut) return column;
    const large = `CASE WHEN octet_length(${column}) > ${LARGE} THEN`;
    return `${large} substr(${column}, 1, ${KEPT}) ELSE ${column} END, ${large} octet_length(${column}) END`;
  });
  const select = `SELECT ${[...key.map((part, place) => `${part} AS ${quoted(`key ${place}`)}`), ...cells].join(', ')} FROM ${quoted(table.name)} AS t`;
  const rest = (order: readonly string[], offset: number): string =>
    `${order.length > 0 ? ` ORDER BY ${order.join(', ')}` : ''} LIMIT ${PAGE + 1}${offset > 0 ? ` OFFSET ${offset}` : ''}`;
  if (sort !== undefined || key.length === 0) {
    const offset = position.at === 'offset' ? position.offset : 0;
    const first = sort === undefined ? [] : [`t.${quoted(sort.column)}${sort.descending ? ' DESC' : ''}`];
    return { sql: select + rest([...first, ...key], offset), params: [], key: names, reversed: false, cut };
  }
  const reversed = position.at === 'last' || position.at === 'before';
  const order = key.map((part) => `${part}${reversed ? ' DESC' : ''}`);
  if (position.at !== 'after' && position.at !== 'before') return { sql: select + rest(order, 0), params: [], key: names, reversed, cut };
  const marks = key.map(() => '?').join(', ');
  const where = ` WHERE (${key.join(', ')}) ${reversed ? '<' : '>'} (${marks})`;
  return { sql: select + where + rest(order, 0), params: position.key, key: names, reversed, cut };
}

/** Returns the rows of a page in the order of the table, of which one was fetched too many, and whether there is that one. */
export function pageRows<T>(rows: readonly T[], { reversed }: PageQuery): { rows: T[]; more: boolean } {
  const page = rows.slice(0, PAGE);
  return { rows: reversed ? page.reverse() : page, more: rows.length > PAGE };
}

/** Reads a row of a page. */
export function pageRow(row: readonly Cell[], { key, cut }: PageQuery): PageRow {
  const cells: { value: Cell; size: number | undefined }[] = [];
  for (let at = key.length; at < row.length; at += cut ? 2 : 1) {
    const size = cut ? row[at + 1] : null;
    cells.push({ value: row[at] as Cell, size: size === null ? undefined : Number(size) });
  }
  return { key: row.slice(0, key.length), cells };
}

/** Returns the query of one value, in the row with this key. */
export function valueQuery(table: Details, column: string): string {
  return `SELECT t.${quoted(column)} FROM ${quoted(table.name)} AS t WHERE (${keyOf(table).join(', ')}) = (${keyOf(table).map(() => '?').join(', ')})`;
}
