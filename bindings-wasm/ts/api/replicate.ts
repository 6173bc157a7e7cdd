import type { EngineClient } from '../client/engine-client.js';
import { type CallOptions, type Checked, merged } from '../client/options.js';
import type { RemoteHandle } from '../client/remote-handle.js';
import { StorageTasks } from './storage-tasks.js';
import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import { CellReader } from '../wire/cells.js';
import { aKindOf } from '../wire/kinds.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import type { Writer } from '../wire/writer.js';
import { isPath, resolved } from './paths.js';
import type { ReplicaStorage } from './replica-storage.js';
import type { CallTarget } from './statements.js';

/**
 * Why all pages of a database were stored, and not only those that transactions have changed.
 *
 * `first`: the storage had no replica; `gap`: what it had was not whole; `differs`: the database was not what the replica
 * had ended with; `log`: the log had begun anew before all of it was read, as another process may do; `journal_mode`: a
 * statement has set the journal mode; `memory`: more pages had waited than may be in memory; `due`: it was time for it.
 */
export type SnapshotReason = 'first' | 'gap' | 'differs' | 'log' | 'journal_mode' | 'memory' | 'due';

/** How far a replica is. */
export interface ReplicaState {
  /** The number of the last transaction that is stored; 0: none. */
  readonly transaction: number;
  /** When that was read from the log, to the millisecond. */
  readonly time: Date | undefined;
  /** How many transactions are committed and not stored. */
  readonly lag: number;
  /** The bytes of pages that wait in memory to be stored. What waits in the log is not counted. */
  readonly waiting: number;
  /** How often all pages were stored since this replica was begun here. */
  readonly snapshots: number;
  /** The number of the last transaction for which all pages were stored since then. */
  readonly lastSnapshot: number | undefined;
  /** Why they were. */
  readonly reason: SnapshotReason | undefined;
  /** Why nothing could be stored when that was tried last; `undefined` once it could. It is tried again. */
  readonly error: string | undefined;
  /** Nothing is stored any more, since the replica was stopped or its database closed. */
  readonly ended: boolean;
}

/** How a replica is kept up to date. Times are in milliseconds. */
export interface ReplicateOptions extends CallOptions {
  /**
   * For how long transactions go into one file, each of which is a moment that can be restored. With 0 each transaction has
   * a file of its own, as long as the storage keeps up. Default: 500.
   */
  interval?: number;
  /**
   * How many bytes of pages may wait in memory while the storage is slow. Beyond that transactions that wait are merged, and
   * then all pages are stored. Default: 64 MiB.
   */
  memory?: number;
  /** After how long all pages are stored once more, if anything was committed; `Infinity`: never. Default: 24 hours. */
  snapshotEvery?: number;
  /** How far one can go back at least. What is older is removed when all pages were stored. Default: `Infinity`. */
  keep?: number;
  /** For how long `close()` and `stop()` go on storing what was committed before. Default: 10,000. */
  closeTimeout?: number;
}

/** Which moment of a replica is restored: the newest one, unless it says otherwise. */
export interface RestoreReplicaOptions extends CallOptions {
  /** The moment after this transaction, by its number: {@link ReplicaState.transaction} at some time. */
  transaction?: number;
  /** The newest moment whose transaction was read from the log at or before this time. */
  time?: Date;
}

const OPTIONS = ['interval', 'memory', 'snapshotEvery', 'keep', 'closeTimeout'];
const MOMENT = ['transaction', 'time'];
const INSTEAD = 'replicas are kept where a native engine runs: in Node, Python, Kotlin, Java or Rust';

/** What stands for the default. */
const DEFAULT = -1;
/** Milliseconds: longer than anybody keeps anything. */
const LONGEST = 1e15;

const STATE = 0;
const FLUSH = 1;
const STOP = 2;

/** Kinds of moments. */
const LATEST = 0;
const TRANSACTION = 1;
const TIME = 2;

/**
 * A replica that is kept up to date, from {@link Database.replicate}.
 *
 * It is kept up to date until it is stopped or the database is closed, also when nobody has this object any more. Its errors
 * never concern those who write: what could not be stored is tried again, and told by {@link state}.
 */
export class Replica {
  /** @internal */
  constructor(
    private readonly client: EngineClient,
    private readonly handle: RemoteHandle,
  ) {}

  /** Returns how far it is, and why nothing could be stored if that is so. */
  state(): Promise<ReplicaState> {
    return this.ask(STATE, {});
  }

  /**
   * Waits until all is stored that was committed before this call, and returns how far it is then. As long as the storage
   * refuses, it waits.
   *
   * ```js
   * const { transaction } = await replica.flush({ timeout: 5000 });
   * ```
   * @throws {@link UbiqliteError} `Closed` if the replica has ended; the error of the storage if it ends without having
   * stored all; `Timeout` and `Cancelled`, which end waiting alone
   */
  async flush(options?: CallOptions): Promise<ReplicaState> {
    return this.ask(FLUSH, merged({}, options));
  }

  /**
   * Stores what was committed before this call, for the close timeout at most, and ends. Does nothing if it has ended.
   *
   * @throws {@link UbiqliteError} the error of the storage if not all was stored, `Io` if the storage has not replied 0.1 s after the
   * close timeout; it has ended all the same
   */
  stop(): Promise<ReplicaState> {
    return this.ask(STOP, {});
  }

  private ask(what: number, options: Checked): Promise<ReplicaState> {
    return this.client.call({ op: Op.next, on: this.handle, write: (out) => out.u32(what), read: stateOf, options });
  }
}

/** Begins a replica. @internal */
export async function replicate(target: CallTarget, to: string | URL | ReplicaStorage, options: ReplicateOptions = {}): Promise<Replica> {
  const checked = target.options(options, OPTIONS);
  if (checked.refused !== undefined) throw checked.refused;
  const { client } = target;
  const settings = [span(options, 'interval'), bytes(options.memory), span(options, 'snapshotEvery', 0), span(options, 'keep', 0), span(options, 'closeTimeout')];
  return placed(client, to, checked, async (place, tasks) => {
    const write = (out: Writer): void => {
      place(out);
      for (const setting of settings) out.integer(setting);
    };
    const replica = new Replica(client, await client.openHandle({ op: Op.replicate, write, options: checked }));
    // What was committed before the database closes is stored by this client, so it must still be there.
    tasks?.endAtClose(() => replica.stop());
    return replica;
  });
}

/** Restores a moment of a replica into a new file. @internal */
export async function restored(target: CallTarget, from: string | URL | ReplicaStorage, path: string | URL, options: RestoreReplicaOptions): Promise<number> {
  const checked = target.options(options, MOMENT);
  if (checked.refused !== undefined) throw checked.refused;
  const [kind, number] = momentOf(options);
  const { client } = target;
  const file = resolved(path, INSTEAD);
  return placed(client, from, checked, async (place, tasks) => {
    const write = (out: Writer): void => {
      place(out);
      out.u8(kind);
      out.integer(number);
      out.text(file);
    };
    try {
      return await client.call({ op: Op.replicaRestore, write, read: (reply) => reply.count(), options: checked });
    } finally {
      tasks?.end();
    }
  });
}

/** Calls `use` with what writes where a replica is, and with the tasks of the program's storage, if it has one. */
async function placed<T>(
  client: EngineClient,
  place: string | URL | ReplicaStorage,
  options: Checked,
  use: (write: (out: Writer) => void, tasks?: StorageTasks) => Promise<T>,
): Promise<T> {
  if (isPath(place)) {
    const folder = resolved(place, INSTEAD);
    return use((out) => {
      out.u8(0);
      out.text(folder);
    });
  }
  const storage = storageOf(place);
  const tasks = await StorageTasks.begin(client, storage, options);
  try {
    return await use((out) => {
      out.u8(1);
      out.u32(tasks.id);
    }, tasks);
  } catch (error) {
    tasks.end();
    throw error;
  }
}

function storageOf(place: ReplicaStorage): ReplicaStorage {
  const methods = ['put', 'list', 'get', 'remove'] as const;
  if (typeof place === 'object' && place !== null && methods.every((name) => typeof place[name] === 'function')) return place;
  throw invalid(`a replica is kept in a folder, by its path, or by an object with the methods ${methods.join(', ')}, not by ${aKindOf(place)}`);
}

/** Returns a time as it is sent; `endless`: what `Infinity` is. */
function span(options: ReplicateOptions, name: 'interval' | 'snapshotEvery' | 'keep' | 'closeTimeout', endless = LONGEST): number {
  const time = options[name];
  if (time === undefined) return DEFAULT;
  if (typeof time !== 'number' || !(time >= 0)) throw invalid(`the option ${name} must be a non-negative number of milliseconds`);
  return time >= LONGEST ? endless : Math.ceil(time);
}

function bytes(memory: number | undefined): number {
  if (memory === undefined) return DEFAULT;
  if (!Number.isSafeInteger(memory) || memory < 0) throw invalid('the option memory must be a number of bytes');
  return memory;
}

function momentOf({ transaction, time }: RestoreReplicaOptions): [kind: number, number: number] {
  if (transaction !== undefined && time !== undefined) throw invalid('a moment is that of a transaction or of a time, not of both');
  if (transaction !== undefined) {
    if (!Number.isSafeInteger(transaction) || transaction < 1) throw invalid('a transaction has a number from 1 on');
    return [TRANSACTION, transaction];
  }
  if (time === undefined) return [LATEST, 0];
  const since = Number(time);
  if (!(time instanceof Date) || Number.isNaN(since)) throw invalid('the option time must be a valid Date');
  return [TIME, Math.max(0, since)];
}

function stateOf(reply: Reply): ReplicaState {
  if (reply.ends) throw ended();
  const cells = new CellReader(reply, 'the state of a replica');
  const optional = (): number | undefined => {
    const value = cells.optional();
    return value === undefined ? undefined : Number(value);
  };
  const transaction = cells.count();
  const time = optional();
  return {
    transaction,
    time: time === undefined ? undefined : new Date(time),
    lag: cells.count(),
    waiting: cells.count(),
    snapshots: cells.count(),
    lastSnapshot: optional(),
    reason: cells.optional() as SnapshotReason | undefined,
    error: cells.optional() as string | undefined,
    ended: cells.flag(),
  };
}

function ended(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the replica has ended' });
}
