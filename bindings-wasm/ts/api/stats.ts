import { CellReader } from '../wire/cells.js';
import { Op } from '../wire/ops.js';
import type { CallOptions } from '../client/options.js';
import type { Reply } from '../wire/reply.js';
import type { CallTarget } from './statements.js';

/** How many times something took time, and how long in milliseconds. */
export interface Spent {
  /** How many times. */
  readonly count: number;
  /** The sum of their durations, in milliseconds. */
  readonly total: number;
  /** The longest duration, in milliseconds. */
  readonly longest: number;
}

/**
 * What a database's engine has done since it opened the file, and is doing now. All durations are in milliseconds.
 * Numbers of things done only grow, until another engine takes over.
 */
export interface Stats {
  /** Connections to the file that are open now. */
  readonly connections: number;
  /** Readers in use now. At the limit for long: reads are slow, or snapshots and streams are kept open. */
  readonly busyReaders: number;
  /** Sessions in use now. One that stays up was not given back. */
  readonly busySessions: number;
  /** Reads, snapshots and streams that wait for a reader now. */
  readonly waitingReads: number;
  /** Writes and transactions that wait for their turn to write now. Many for long: see `transactionAge`, `writeRuns`. */
  readonly waitingWrites: number;
  /** Callers that wait for a session now. */
  readonly waitingSessions: number;
  /** How long reads, snapshots and streams waited, of those that found no reader free. */
  readonly readWaits: Spent;
  /** How long writes and transactions waited for their turn, of those that went through the queue. */
  readonly writeWaits: Spent;
  /** How long callers waited, of those that found no session free. */
  readonly sessionWaits: Spent;
  /** How long reads ran, of those that were handed to a reader's thread (Node's native engine). */
  readonly readRuns: Spent;
  /** How long the writer worked for each group of writes, its commit included. Long with few writes: the disk is slow. */
  readonly writeRuns: Spent;
  /** How long transactions, and others that had the writer for themselves, have held it. Other writes wait meanwhile. */
  readonly transactions: Spent;
  /** How long the one that has the writer now has held it; `undefined` if nobody has. */
  readonly transactionAge: number | undefined;
  /** Commits of writes and of transactions. */
  readonly commits: number;
  /** Writes that were committed outside transactions. */
  readonly writes: number;
  /** The most writes that have shared a commit. */
  readonly largestGroup: number;
  /** Transactions and writes that were rolled back. */
  readonly rollbacks: number;
  /** Statements that ran and had been compiled before. */
  readonly statementHits: number;
  /** Statements that were compiled. A rate near that of the hits: values stand in SQL texts instead of parameters. */
  readonly statementMisses: number;
  /** Pages that SQLite found in its caches. */
  readonly pageHits: number;
  /** Pages that it read from the file or the log. A rate near that of the hits: the cache is small, or an index is missing. */
  readonly pageMisses: number;
  /** Pages that it wrote in the middle of a transaction, which changed more than the cache holds. */
  readonly pageSpills: number;
  /** Pages in the write-ahead log; 0 in other journal modes. Thousands, and growing: see `oldestReader`. */
  readonly logPages: number;
  /** Pages in the log that were not copied into the database yet. */
  readonly logUncopied: number;
  /** Times that the log was copied into the database. */
  readonly checkpoints: number;
  /** Times that the log could not be emptied after that, since somebody was reading from it. */
  readonly checkpointsBlocked: number;
  /** Pages of the database. */
  readonly pages: number;
  /** Bytes of a page. */
  readonly pageSize: number;
  /** How long the oldest read under way has kept its moment; the log can't be emptied before it ends. `undefined`: none. */
  readonly oldestReader: number | undefined;
  /** Queries that are watched, equal ones once. */
  readonly watchedQueries: number;
}

/** Asks for the statistics of the database. @internal */
export function stats(target: CallTarget, options: CallOptions | undefined): Promise<Stats> {
  return target.call(Op.stats, undefined, statsOf, options);
}

function statsOf(reply: Reply): Stats {
  const cells = new CellReader(reply, 'statistics');
  const found: Record<string, unknown> = {};
  cells.all(() => {
    const [name, value] = [cells.next() as string, cells.optional()];
    const [first = '', part] = name.split('.').map(camel);
    const number = value === undefined ? undefined : Number(value) / (name.endsWith('_ns') ? 1e6 : 1);
    if (part === undefined) found[first] = number;
    else found[first] = { ...(found[first] as object | undefined), [part]: number };
  });
  return found as unknown as Stats;
}

/** Returns the name of a number in JavaScript, without its unit. */
function camel(name: string): string {
  return name.replace(/_ns$/, '').replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
