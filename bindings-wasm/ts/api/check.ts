import { CellReader } from '../wire/cells.js';
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
  const cells = new CellReader(reply, 'a check');
  return cells.all(() => {
    const [kind, table, rowid, parent, message] = Array.from({ length: 5 }, () => cells.optional());
    return { kind, table, rowid, parent, message } as Damage;
  });
}
