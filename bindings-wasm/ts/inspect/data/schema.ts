import { type Source, quoted } from './source.js';

/** A table or a view. */
export interface Relation {
  readonly name: string;
  /** `'system'`: of SQLite's, of this library's, or of a virtual table. */
  readonly kind: 'table' | 'view' | 'virtual' | 'system';
  readonly withoutRowid: boolean;
  readonly strict: boolean;
}

/** A column of a table or view. */
export interface RelationColumn {
  readonly name: string;
  /** The type as it is declared; empty if none is. */
  readonly type: string;
  readonly notNull: boolean;
  /** The default as SQL. */
  readonly defaultSql: string | undefined;
  /** Its place in the primary key, from 1; 0: it is not in it. */
  readonly keyPlace: number;
  readonly generated: boolean;
}

/** An index of a table. */
export interface RelationIndex {
  readonly name: string;
  readonly unique: boolean;
  readonly partial: boolean;
  /** What it indexes: names, with `DESC` where it says so; `(expression)` for one. */
  readonly parts: readonly string[];
}

/** A foreign key of a table. */
export interface ForeignKey {
  readonly columns: readonly string[];
  readonly parent: string;
  /** The columns of the parent; empty: its primary key. */
  readonly parentColumns: readonly string[];
  readonly onDelete: string;
  readonly onUpdate: string;
}

/** All that the schema says of a table or view. */
export interface Details extends Relation {
  readonly columns: readonly RelationColumn[];
  readonly indexes: readonly RelationIndex[];
  readonly foreignKeys: readonly ForeignKey[];
  /** The statements that made it, its indexes and its triggers. */
  readonly sql: readonly string[];
}

const ORDER: readonly Relation['kind'][] = ['table', 'virtual', 'view', 'system'];

/** Returns the tables and views: those of the program first, in the order of their names. */
export async function relations(db: Source, signal?: AbortSignal): Promise<Relation[]> {
  const rows = await db.query<[string, string, number | bigint, number | bigint]>(
    "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' ORDER BY name COLLATE NOCASE, name",
    [],
    { rows: 'array', signal },
  );
  return rows
    .map(([name, type, withoutRowid, strict]) => ({ name, kind: kindOf(name, type), withoutRowid: Number(withoutRowid) === 1, strict: Number(strict) === 1 }))
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function kindOf(name: string, type: string): Relation['kind'] {
  if (type === 'shadow' || /^(sqlite|ubiqlite)_/i.test(name)) return 'system';
  return type === 'view' || type === 'virtual' ? type : 'table';
}

/** Returns what the schema says of a table or view. */
export async function details(db: Source, relation: Relation, signal?: AbortSignal): Promise<Details> {
  const { name } = relation;
  const ask = (sql: string): Promise<any[]> => db.query(sql, [name], { rows: 'array', signal });
  const [columns, indexes, keys, sql] = await Promise.all([
    ask('SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid'),
    ask('SELECT l.name, l."unique", l.partial, x.name, x."desc" FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS x WHERE x.key = 1 ORDER BY l.seq, x.seqno'),
    ask('SELECT id, "table", "from", "to", on_delete, on_update FROM pragma_foreign_key_list(?) ORDER BY id, seq'),
    ask("SELECT sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY type <> 'table' AND type <> 'view', type, name"),
  ]);
  return {
    ...relation,
    // A hidden column of a virtual table is an argument, not data; generated columns are 2 and 3.
    columns: columns.filter((row) => Number(row[5]) !== 1).map(columnOf),
    indexes: gathered(indexes, 0).map((rows) => ({
      name: rows[0][0],
      unique: Number(rows[0][1]) === 1,
      partial: Number(rows[0][2]) === 1,
      parts: rows.map((row) => `${row[3] ?? '(expression)'}${Number(row[4]) === 1 ? ' DESC' : ''}`),
    })),
    foreignKeys: gathered(keys, 0).map((rows) => ({
      columns: rows.map((row) => row[2]),
      parent: rows[0][1],
      parentColumns: rows.map((row) => row[3]).filter((column) => column !== null),
      onDelete: rows[0][4],
      onUpdate: rows[0][5],
    })),
    sql: sql.map(([text]) => text),
  };
}

function columnOf([name, type, notNull, defaultSql, key, hidden]: any[]): RelationColumn {
  return {
    name,
    type,
    notNull: Number(notNull) === 1,
    defaultSql: defaultSql ?? undefined,
    keyPlace: Number(key),
    generated: Number(hidden) > 1,
  };
}

/** Puts rows together that follow each other and have the same value in this place. */
function gathered(rows: readonly any[][], place: number): any[][][] {
  const groups: any[][][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last !== undefined && last[0]?.[place] === row[place]) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/** How many rows are counted. */
export const COUNTED = 10_000;

/** The time that a count may take, in milliseconds: meanwhile no tab can read. */
const COUNTING = 250;

/** How many rows there are: exactly, or more than {@link COUNTED}; `undefined`: counting took too long. */
export interface Count {
  readonly rows: number;
  readonly more: boolean;
}

/** Counts rows, as far as {@link COUNTED}. */
export async function count(db: Source, name: string, signal?: AbortSignal): Promise<Count | undefined> {
  try {
    const sql = `SELECT count(*) FROM (SELECT 1 FROM ${quoted(name)} LIMIT ${COUNTED + 1})`;
    const rows = Number(await db.queryValue(sql, [], { signal, timeout: COUNTING }));
    return { rows: Math.min(rows, COUNTED), more: rows > COUNTED };
  } catch (error) {
    if ((error as { kind?: string }).kind === 'Timeout') return undefined;
    throw error;
  }
}

/** Returns a count as text: `'10,000+'`. */
export function countText({ rows, more }: Count): string {
  return `${rows.toLocaleString('en')}${more ? '+' : ''}`;
}
