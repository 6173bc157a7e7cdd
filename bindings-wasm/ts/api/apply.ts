import type { CallOptions } from '../client/options.js';
import { invalid } from '../errors.js';
import { CellReader } from '../wire/cells.js';
import { aKindOf, asBytes, isPlain } from '../wire/kinds.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import type { Writer } from '../wire/writer.js';
import type { CallTarget, Row } from './statements.js';

/**
 * Whose change is kept where two changes of one row meet:
 *
 * - `'theirs'`: the change that is applied.
 * - `'ours'`: what is in the database. Of an update, what they changed in columns that were not changed here is still
 *   taken.
 * - `{ newest: column }`: the one with the greater value in this column, which should say when the row was changed. If
 *   both are equal, the row whose changed values are greater as bytes, so that two sides that apply each other's changes
 *   decide the same.
 * - `'abort'`: neither: nothing is applied, and the call fails with `ConstraintViolation`.
 *
 * Whichever it is, replicas agree in the end that exchange their changes in one order, each sending what waits in its
 * outbox when it has applied all that came before: of what was not taken here, the outbox then has the difference, and
 * the others get it. Replicas may have different policies.
 */
export type Policy = 'theirs' | 'ours' | 'abort' | { readonly newest: string };

/** A policy for all tables, and others for some of them. */
export interface Policies {
  /** The policy for all tables that are not named. */
  readonly policy: Policy;
  /** The policies of some tables, by name, whose case does not count. */
  readonly tables?: { readonly [table: string]: Policy };
}

/** What applying a change set did. */
export interface Applied {
  /** The changes that met others, in the order in which they were applied. */
  readonly conflicts: readonly Conflict[];
  /** Whether changes in the outbox were made to stand on what was applied. */
  readonly rebased: boolean;
}

/** A change that could not simply be applied, and what was decided. */
export interface Conflict {
  /** The table. */
  readonly table: string;
  /**
   * What is in the way:
   *
   * - `'data'`: the row is there, with other values than those that they changed or deleted.
   * - `'not_found'`: the row that they changed is not there.
   * - `'exists'`: a row with the key of the one that they inserted is there.
   * - `'constraint'`: another constraint: `UNIQUE` of other columns, `NOT NULL` or `CHECK`. No policy can keep their
   *   change. If the table is recorded, the outbox has what undoes it elsewhere.
   */
  readonly kind: 'data' | 'not_found' | 'exists' | 'constraint';
  /** What they did to the row. */
  readonly change: 'inserted' | 'updated' | 'deleted';
  /** The primary key of the row: its columns and their values. */
  readonly key: Row;
  /** The row as it was here; `undefined` if there was none. */
  readonly ours: Row | undefined;
  /** The row as they have it, as far as they changed it; of a deletion, as they had it. */
  readonly theirs: Row;
  /** Whose change was kept. */
  readonly decision: 'theirs' | 'ours';
}

const POLICIES: readonly unknown[] = ['theirs', 'ours', 'abort'];
const NEWEST = POLICIES.length;
const KINDS = ['data', 'not_found', 'exists', 'constraint'] as const;
const CHANGES = ['inserted', 'updated', 'deleted'] as const;
const DECISIONS = ['theirs', 'ours'] as const;

/** Applies changes where the target says. @internal */
export function apply(target: CallTarget, changes: unknown, policy: Policy | Policies, options: CallOptions | undefined): Promise<Applied> {
  return target.call(Op.apply, (out) => writeApply(out, changes, policy), appliedOf, options);
}

/** Writes a change set and what is decided where it meets other changes. @throws InvalidArgumentError */
function writeApply(out: Writer, changes: unknown, policy: Policy | Policies): void {
  const bytes = bytesOf(changes);
  const { all, tables } = policiesOf(policy);
  writePolicy(out, all);
  out.u32(tables.length);
  for (const [table, each] of tables) {
    out.text(table);
    writePolicy(out, each);
  }
  out.blob(bytes);
}

function bytesOf(changes: unknown): Uint8Array {
  const bytes = asBytes(changes);
  if (bytes === undefined) throw invalid(`changes must be bytes, not ${aKindOf(changes)}`);
  return bytes;
}

function policiesOf(policy: unknown): { all: unknown; tables: [string, unknown][] } {
  const given = isObject(policy) ? policy : {};
  if (!('policy' in given)) return { all: policy, tables: [] };
  const other = Object.keys(given).find((name) => name !== 'policy' && name !== 'tables');
  if (other !== undefined) throw invalid(`policies have no field ${JSON.stringify(other)}`);
  const { policy: all, tables } = given as { policy: unknown; tables?: unknown };
  if (tables !== undefined && !isObject(tables)) throw invalid(`the policies of tables must be an object with the tables' names, not ${aKindOf(tables)}`);
  return { all, tables: Object.entries(tables ?? {}) };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && isPlain(value);
}

function writePolicy(out: Writer, policy: unknown): void {
  const known = POLICIES.indexOf(policy);
  if (known >= 0) {
    out.u8(known);
    return;
  }
  const column: unknown = isObject(policy) && Object.keys(policy).join() === 'newest' ? (policy as { newest?: unknown }).newest : undefined;
  if (typeof column !== 'string') {
    const what = typeof policy === 'string' ? JSON.stringify(policy) : aKindOf(policy);
    throw invalid(`a policy must be 'theirs', 'ours', 'abort' or { newest: column }, not ${what}`);
  }
  out.u8(NEWEST);
  out.text(column);
}

/** Reads what applying did. */
function appliedOf(reply: Reply): Applied {
  const cells = new CellReader(reply, 'conflicts');
  const row = (): Row | undefined => {
    const columns = cells.count();
    return columns < 0 ? undefined : Object.fromEntries(Array.from({ length: columns }, () => [cells.next() as string, cells.next()]));
  };
  const rebased = cells.flag();
  const conflicts = Array.from({ length: cells.count() }, (): Conflict => {
    const table = cells.next() as string;
    const [kind, change, decision] = [cells.one(KINDS), cells.one(CHANGES), cells.one(DECISIONS)];
    return { table, kind, change, decision, key: row() ?? {}, ours: row(), theirs: row() ?? {} };
  });
  return { conflicts, rebased };
}
