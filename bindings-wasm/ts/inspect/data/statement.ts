import type { Cell, Source } from './source.js';

/** How many rows of a result are shown. */
export const SHOWN = 1000;
/** How many bytes of texts and blobs are fetched for it. */
const FETCHED = 16 * 1024 * 1024;

/** What a statement returned. */
export interface Outcome {
  readonly columns: readonly { readonly name: string; readonly declaredType: string | null }[];
  readonly rows: readonly (readonly Cell[])[];
  /** Whether the result has more rows than are here. */
  readonly more: boolean;
  /** How many rows were changed; `undefined` for a query. */
  readonly changed: number | undefined;
  /** Whether it is a query whose result is all here, so that it can be followed. */
  readonly watchable: boolean;
  /** How long it took, in milliseconds. */
  readonly took: number;
}

/** Runs one statement, and returns the first rows of its result. */
export async function execute(db: Source, sql: string, signal?: AbortSignal): Promise<Outcome> {
  const columns = await columnsOf(db, sql, signal);
  const begun = performance.now();
  if (columns === undefined) {
    const ran = await db.run<Cell[]>(sql, [], { rows: 'array', signal });
    const took = performance.now() - begun;
    const { columns: names, rows, rowsChanged } = ran;
    const changed = names.length > 0 && rowsChanged === 0 ? undefined : rowsChanged;
    return { columns: names, rows: rows.slice(0, SHOWN), more: rows.length > SHOWN, changed, watchable: false, took };
  }
  const rows: Cell[][] = [];
  let [bytes, more] = [0, false];
  for await (const row of db.stream<Cell[]>(sql, [], { rows: 'array', signal })) {
    if (rows.length === SHOWN || bytes > FETCHED) {
      more = true;
      break;
    }
    rows.push(row);
    for (const cell of row) if (typeof cell === 'string' || cell instanceof Uint8Array) bytes += cell.length;
  }
  return { columns, rows, more, changed: undefined, watchable: !more, took: performance.now() - begun };
}

/**
 * Returns the columns of a query, of which not all rows are to be fetched; `undefined` for anything else, and for what does
 * not compile: the statement is then run as it is, and tells what is wrong with it.
 */
async function columnsOf(db: Source, sql: string, signal: AbortSignal | undefined): Promise<Outcome['columns'] | undefined> {
  if (!/^(select|with|values)\b/i.test(withoutComments(sql))) return undefined;
  try {
    const { columns } = await db.run(`SELECT * FROM (\n${sql.trim().replace(/;\s*$/, '')}\n) LIMIT 0`, [], { rows: 'array', signal });
    return columns;
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}

/** Returns the text after the blanks and comments that it begins with. */
function withoutComments(sql: string): string {
  return sql.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)+/, '');
}

/** Runs a script: all of its statements or none. Returns the rows changed, and how long it took in milliseconds. */
export async function script(db: Source, sql: string, signal?: AbortSignal): Promise<{ changed: number; took: number }> {
  const begun = performance.now();
  const executed = await db.batch(sql, { signal });
  return { changed: executed.reduce((sum, { rowsChanged }) => sum + rowsChanged, 0), took: performance.now() - begun };
}

/** Returns milliseconds as text. */
export function timeText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
