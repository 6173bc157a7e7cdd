import { CellReader } from '../wire/cells.js';
import { Op } from '../wire/ops.js';
import type { CallOptions } from '../client/options.js';
import type { Reply } from '../wire/reply.js';
import { resolved } from './paths.js';
import type { CallTarget } from './statements.js';

/** What was saved of a damaged database. */
export interface Recovered {
  /** The tables of the new database, by their names, each with how many rows it has. */
  readonly tables: ReadonlyMap<string, number>;
  /**
   * How many rows there are whose table is not known: they are in the table `lost_and_found` of the new database, with
   * the numbers of their pages, their rowids, and their values as `c0`, `c1` and so on.
   */
  readonly lostAndFound: number;
}

/** What to do where files have no paths. */
const INSTEAD = 'export the bytes of the file, and recover them where a native engine runs: in Node, Python, Java or Rust';

/** Saves what can be read of the file `from`, or of the database's own. @internal */
export async function recoverFile(target: CallTarget, from: unknown, to: unknown, options: CallOptions | undefined): Promise<Recovered> {
  const damaged = from === undefined ? '' : resolved(from, INSTEAD);
  const place = resolved(to, INSTEAD);
  return target.call(
    Op.recover,
    (out) => {
      out.text(damaged);
      out.text(place);
    },
    recoveredOf,
    options,
  );
}

function recoveredOf(reply: Reply): Recovered {
  const cells = new CellReader(reply, 'a recovery');
  const lostAndFound = cells.next() as number;
  return { tables: new Map(cells.all(() => [cells.next() as string, cells.next() as number])), lostAndFound };
}
