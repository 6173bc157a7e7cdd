import { errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { CallOptions } from '../client/options.js';
import type { Reply } from '../wire/reply.js';
import type { CallTarget } from './statements.js';

/** Something in a database that is not as it should be. */
export interface Damage {
  /**
   * What is wrong: `'content'`, the file's pages, rows, indexes or constraints; `'foreign_key'`, a row that refers to one
   * that is not there.
   */
  readonly kind: 'content' | 'foreign_key';
  /** The table that it concerns, if it is known. */
  readonly table: string | undefined;
  /** The row, for a foreign key in a table with rowids. */
  readonly rowid: number | bigint | undefined;
  /** The table that a foreign key refers to. */
  readonly parent: string | undefined;
  /** For content, what SQLite says of it; for a foreign key, the names of its columns. */
  readonly message: string;
}

/** Checks the whole database. @internal */
export function check(target: CallTarget, options: CallOptions | undefined): Promise<Damage[]> {
  return target.call(Op.check, undefined, damagesOf, options);
}

function damagesOf(reply: Reply): Damage[] {
  const cells = reply.rows().lists<[unknown]>().map(([cell]) => cell ?? undefined);
  if (cells.length % 5 !== 0) throw errorOf({ kind: 'Internal', message: 'the engine sent a check that is cut off' });
  return Array.from({ length: cells.length / 5 }, (_, at) => {
    const [kind, table, rowid, parent, message] = cells.slice(5 * at, 5 * at + 5);
    return { kind, table, rowid, parent, message } as Damage;
  });
}
