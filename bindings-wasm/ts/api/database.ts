import { invalid } from '../errors.js';
import type { Connector } from '../client/connector.js';
import { EngineClient } from '../client/engine-client.js';
import { ofPath } from '../client/opening.js';
import type { CallOptions } from '../client/options.js';
import { Op } from '../wire/ops.js';
import { type Applied, type Policies, type Policy, apply } from './apply.js';
import { type BackupOptions, type BackupStreamOptions, backup, backupStream, serialize } from './backup.js';
import { type Capabilities, capabilitiesOf } from './capabilities.js';
import { type Damage, check } from './check.js';
import { type Stats, stats } from './stats.js';
import type { TraceListener } from '../client/tracer.js';
import { Commits, type CommitsOptions } from './commits.js';
import type { MigrationFiles } from './migration-files.js';
import { type Recovered, recoverFile } from './recover.js';
import { type MigrationOptions, Migrations, type OpeningMigrations, openingMigrations } from './migrations.js';
import { Outbox } from './outbox.js';
import type { ReplicaStorage } from './replica-storage.js';
import { type Replica, type ReplicateOptions, replicate } from './replicate.js';
import { type DatabaseBytes, restore } from './restore.js';
import { Session, Snapshot, type TransactionOptions, transact } from './session.js';
import type { ArrayRows, ObjectRows, RowArray } from './rows.js';
import { CallTarget, type Row, Statements } from './statements.js';
import { type Transaction, begin } from './transaction.js';
import { Watch, type WatchOptions, watched } from './watch.js';
import { type RowsOf, WatchAll, type WatchedQuery } from './watch-all.js';
import type { Params } from '../wire/values.js';
import type { Writer } from '../wire/writer.js';

/** The settings of a database. The defaults are safe and fast. Times are in milliseconds. */
export interface DatabaseOptions {
  /** Opens for reading only; the database must exist. Default: false. */
  readOnly?: boolean;
  /** Creates the database if it is missing. Default: true. */
  create?: boolean;
  /**
   * How many streams and snapshots can be open at once, from 1 to 64. Default: 4. The native
   * engine defaults to the number of processors, at least 2 and at most 8.
   */
  readers?: number;
  /** How many sessions `acquire()` gives out at once, from 1 to 64. Default: 8. */
  sessions?: number;
  /** How long a write waits for a transaction without progress, or another process, before `Busy`. Default: 5000. */
  busyTimeout?: number;
  /** How long reads, streams, `acquire()` and `snapshot()` wait for a connection before `Timeout`. Default: 30000. */
  acquireTimeout?: number;
  /** How long a stream or snapshot may stall while the log is larger than `walLimit`. Default: 5000. */
  stallTimeout?: number;
  /** Whether foreign keys are enforced. Default: true. */
  foreignKeys?: boolean;
  /** Whether views and triggers may use functions that are not marked innocuous. Default: false. */
  trustedSchema?: boolean;
  /** The page cache of each connection, in KiB. Default: 8192. */
  cacheKib?: number;
  /** How many prepared statements each connection keeps. Default: 128. */
  statementCache?: number;
  /** The size in bytes that the log may reach because of stalled readers. Default: 64 MiB. */
  walLimit?: number;
  /**
   * How commits are made atomic. A file in another mode is switched to it. Default: `'wal'` for a new database; an
   * existing one keeps its mode.
   */
  journalMode?: 'wal' | 'delete' | 'truncate' | 'persist' | 'memory';
  /** When a commit waits for the disk. Default: `'full'`, which is affordable because commits share their wait. */
  synchronous?: 'off' | 'normal' | 'full' | 'extra';
  /** Whether every INTEGER is a bigint, not only those that a number can't hold. Default: false. */
  bigint?: boolean;
  /**
   * The migrations of the database, which are run before `open` returns: their files, or `{ files, allowNewer,
   * acceptEdited, lockTimeout }`. Several tabs and processes may open it at once: one applies a migration, and the others
   * wait and then find it done. If one fails, `open` rejects with its error, as {@link Migrations.run}, and the database
   * is closed again. If the opening is aborted or takes too long, the migrations that were done stay done. Default: none.
   *
   * ```ts
   * const migrations = import.meta.glob<string>('./migrations/*.sql', { query: '?raw', eager: true, import: 'default' });
   * const db = await open('app.db', { migrations });
   * ```
   */
  migrations?: OpeningMigrations;
}

const BUSY_TIMEOUT = 5000;

/**
 * An open database, from `open()`.
 *
 * Reads run concurrently with the one write that runs at a time. Each call is a
 * transaction of its own; {@link transaction} makes several statements one. The database
 * is closed by {@link close}, or at the end of its scope:
 *
 * ```ts
 * await using db = await open('app.db');
 * ```
 */
export class Database extends Statements implements AsyncDisposable {
  /** @internal */
  constructor(
    target: CallTarget,
    /** The path or name that it was opened with. */
    readonly path: string,
  ) {
    super(target);
  }

  /** The engine that runs the SQL: `'native'`, in Node's own process, if this machine has one, otherwise `'wasm'`. */
  get engine(): 'native' | 'wasm' {
    return this.target.client.engine;
  }

  /** Returns the same database with a time limit, in milliseconds, for every call made through it. */
  timeout(timeout: number): Database {
    const { client, handle: on, defaults } = this.target;
    return new Database(new CallTarget(client, on, { ...defaults, timeout }), this.path);
  }

  /**
   * Runs `body` in a transaction, which is committed if it resolves and rolled back if
   * it throws; the error is rethrown unchanged. Reads by others run concurrently. Their
   * writes, and writes through the database itself, wait until it ends.
   *
   * ```ts
   * const left = await db.transaction(async (tx) => {
   *   await tx.execute('UPDATE accounts SET balance = balance - 10 WHERE id = ?', [1]);
   *   return tx.queryValue<number>('SELECT balance FROM accounts WHERE id = ?', [1]);
   * });
   * ```
   * @throws {@link BusyError} if the write lock was not available within the busy timeout; `Timeout` or `Cancelled`
   * if its limit passes, or its signal is aborted, before the commit begins (it is then rolled back);
   * `OutcomeUnknown` if the engine was lost during the commit
   */
  transaction<T>(body: (transaction: Transaction) => T | PromiseLike<T>, options: TransactionOptions = {}): Promise<T> {
    return transact(this.target, body, options);
  }

  /** Begins a transaction and returns its handle. It is rolled back unless it is committed. */
  begin(options: TransactionOptions = {}): Promise<Transaction> {
    return begin(this.target, options);
  }

  /** Returns a snapshot: reads of one moment, over any number of calls. */
  async snapshot(options?: CallOptions): Promise<Snapshot> {
    return new Snapshot(this.target.within(await this.target.openHandle(Op.snapshot, undefined, options)));
  }

  /** Acquires a private connection, for `ATTACH`, temporary tables and `PRAGMA`s. */
  async acquire(options?: CallOptions): Promise<Session> {
    return new Session(this.target.within(await this.target.openHandle(Op.acquire, undefined, options)));
  }

  /**
   * Watches a query: returns its result now, and then each new one, whoever made the change. A watch shows committed
   * data alone. `random()` and `datetime('now')` are called again when data that the query reads has changed.
   *
   * ```ts
   * const stop = db.watch('SELECT * FROM items WHERE status = ?', ['new']).subscribe(({ rows }) => render(rows));
   * ```
   * @throws {@link UbiqliteError} when it is read: what the query throws; `Unsupported` for a statement that writes
   */
  watch<T = Row>(sql: string, params?: Params, options?: WatchOptions & ObjectRows): Watch<T>;
  watch<T extends readonly unknown[] = RowArray>(sql: string, params: Params | undefined, options: WatchOptions & ArrayRows): Watch<T>;
  watch<T>(sql: string, params?: Params, options?: WatchOptions): Watch<T> {
    return new Watch<T>(this.target, Op.watch, watched(sql, params, options), options, sql);
  }

  /**
   * Watches several queries, whose results are always of one moment: a tuple with an {@link Update} for each query, in
   * their order, now and then whenever the result of one of them is another. A row of a result is told from the others
   * by the `key` of its own query. Everything else is as with {@link watch}.
   *
   * ```ts
   * for await (const [items, total] of db.watchAll([
   *   ['SELECT * FROM items WHERE status = ?', ['new'], { key: 'id' }],
   *   'SELECT count(*) AS n FROM items',
   * ])) {
   *   render(items.rows, items.diff, total.rows[0].n);
   * }
   * ```
   * @param queries each the SQL of a query, or a list of it, its parameters and its options: `key` and `rows`
   * @param options for all of it: the signal ends it, the time limit is for each wait
   * @throws {@link UbiqliteError} when it is read: as of {@link watch}, if one of the queries fails, which ends all of
   * it; `InvalidArgument` without a query, and for one that can't be sent, whose `index` is that of the query
   */
  watchAll<const Q extends readonly WatchedQuery[]>(queries: readonly [...Q], options?: CallOptions): WatchAll<RowsOf<Q>>;
  watchAll<T extends readonly unknown[]>(queries: { readonly [K in keyof T]: WatchedQuery }, options?: CallOptions): WatchAll<T>;
  watchAll<T extends readonly unknown[]>(queries: readonly WatchedQuery[], options?: CallOptions): WatchAll<T> {
    return new WatchAll<T>(this.target, queries, options);
  }

  /**
   * Returns a commit feed: for each commit, the tables and the keys of the rows that it changes. For caches, indexes
   * and logs of one's own; a query that is to follow its data is watched by {@link watch}.
   */
  commits(options?: CommitsOptions): Commits {
    return new Commits(this.target, options);
  }

  /**
   * Records the changes of these tables from now on, and returns where they wait to be sent.
   *
   * What is recorded is kept in the database: it goes on when the database is opened again, and through every connection
   * of this library, also in other processes that have it open already. A transaction that has written before it could
   * know fails with `SchemaChanged`. Another call replaces the tables; what waits already stays, and an empty list records
   * none. Changes that {@link apply} makes are not recorded, since they come from elsewhere. Other programs that write
   * into the file, such as the `sqlite3` shell, know nothing of this: what they change is not recorded.
   *
   * From then on a commit fails, and changes nothing, with `NotNullViolation` if a row has `NULL` in its primary key, and
   * with `SchemaChanged` if another process has changed the columns meanwhile.
   *
   * ```ts
   * const outbox = await db.outbox(['items', 'notes']);
   * for await (const batch of outbox) {
   *   await send(batch.bytes); // there: await db.apply(bytes, 'theirs')
   *   await outbox.ack(batch.id);
   * }
   * ```
   * @param options for this call, not for those of the outbox
   * @throws {@link UbiqliteError} `InvalidArgument` for tables that can't be recorded: those without a primary key, since
   * their rows can't be told apart elsewhere, virtual and shadow tables and views; `NoSuchTable`; `Unsupported` without
   * `capabilities().changesets`
   */
  outbox(tables: string | Iterable<string>, options?: CallOptions): Promise<Outbox> {
    return Outbox.open(this.target, tables, options);
  }

  /**
   * Applies changes that were made elsewhere, all or none. The policy decides where one of them meets another
   * change; what was decided is returned.
   *
   * Triggers don't fire and foreign keys have no actions: what those did elsewhere is among the changes. Foreign keys are
   * checked at the end. Live queries see what was changed, and the outbox does not: it is no change of this database's
   * own. What waits in the outbox is made to stand on what was applied. For that it may be replaced by one batch of a
   * new number, so a program does not apply while it sends.
   *
   * ```ts
   * const { conflicts } = await db.apply(bytes, { policy: 'theirs', tables: { notes: { newest: 'updated_at' } } });
   * for (const { table, key, decision } of conflicts) console.log(table, key, decision);
   * ```
   * @param changes the bytes of a batch of an {@link Outbox}, or of several one after another; they may come from
   * anybody. A table here may have more columns, at its end, than theirs
   * @param policy one policy for all tables, or with others for some of them
   * @throws {@link UbiqliteError} `InvalidArgument` for bytes that are no change set or would change something else than
   * a table; `NoSuchTable`; `NoSuchColumn` for that of a policy;
   * `SchemaChanged` if a table has fewer columns here, or another key; `ForeignKeyViolation` if a row would refer to
   * none; `ConstraintViolation` where the policy is to abort; `Unsupported` without `capabilities().changesets`. Nothing
   * is changed then
   */
  apply(changes: ArrayBuffer | ArrayBufferView, policy: Policy | Policies, options?: CallOptions): Promise<Applied> {
    return apply(this.target, changes, policy, options);
  }

  /**
   * Tells the watches of queries that read one of these tables that it may have changed: for changes that the engine
   * can't see.
   */
  async touch(tables: Iterable<string>): Promise<void> {
    const names = [...tables];
    const write = (out: Writer): void => {
      out.u32(names.length);
      for (const name of names) out.text(name);
    };
    await this.target.call(Op.touch, write, (reply) => reply.done());
  }

  /**
   * Checks the whole database, and returns what is wrong with it: nothing, in a sound one. It reads every page. Where
   * there are readers beside the writer (Node's native engine), writes go on meanwhile, and the log grows until the check
   * has ended.
   *
   * ```js
   * for (const { kind, table, message } of await db.check()) console.error(kind, table, message);
   * ```
   * SQLite describes at most 100 faults of the content, and of each table. What it finds first may keep it from finding
   * the rest, and from looking at foreign keys: check again what was mended.
   *
   * @throws {@link UbiqliteError} `Corrupt` or `NotADatabase` if not even the schema can be read
   */
  check(options?: CallOptions): Promise<Damage[]> {
    return check(this.target, options);
  }

  /**
   * Writes all that can be read of this database's file, which may be damaged, into the new database file `path`, by
   * SQLite's [recovery](https://sqlite.org/recovery.html): the schema, the rows, and rows whose table is not known. The
   * file is read as any reader does, and is not changed.
   *
   * ```js
   * if ((await db.check()).length > 0) console.log((await db.recover('./saved.db')).tables);
   * ```
   * What is saved may be incomplete, and may have rows that were deleted before. Indexes are made anew, and constraints
   * are not checked. The new file gets its name when it is complete: a call that fails, is aborted or takes too long
   * leaves none. {@link recover} does it with a file that can't even be opened.
   *
   * @throws {@link UbiqliteError} `Unsupported` in browsers and with Node's wasm engine: export the bytes of the file, and
   * recover them with a native engine; `InvalidArgument` if the new file exists, and for a database in memory;
   * `CannotOpen`; `NotADatabase` if nothing in the file is of a database
   */
  recover(path: string | URL, options?: CallOptions): Promise<Recovered> {
    return recoverFile(this.target, undefined, path, options);
  }

  /**
   * Returns what the engine of this database has done and is doing: who waits, how long waits and work took, commits,
   * caches, the log. It waits for nobody.
   *
   * ```js
   * const { waitingWrites, transactionAge } = await db.stats();
   * if (waitingWrites > 0) console.log(`${waitingWrites} writes wait, for ${transactionAge} ms`);
   * ```
   */
  stats(options?: CallOptions): Promise<Stats> {
    return stats(this.target, options);
  }

  /**
   * Returns an object that runs and inspects these migrations on this database. Nothing is done yet: what is wrong with
   * the files, its calls tell.
   *
   * ```js
   * for (const { name, took } of await db.migrations('./migrations').run()) console.log(name, took);
   * ```
   * @param files the names and texts of the files, in any order; in Node also their folder, which each call reads
   */
  migrations(files: MigrationFiles, options?: MigrationOptions): Migrations {
    return new Migrations(this.target, files, options);
  }

  /**
   * Copies the database into the file `path`, while others go on reading and writing.
   *
   * The copy is one moment of the database, not before the call: usually that of its end, since what is written through
   * this database meanwhile goes into the copy as well. It is made in slices of about a millisecond between the writes.
   * The file is written as `name.part` next to its place, and gets its name when it is complete and on the disk: whatever
   * happens, there is no half file by that name. The signal ends the copy and removes what there is of it, unless it was
   * complete already; the time limit is for all of it.
   *
   * ```js
   * await db.backup('./daily.db', { overwrite: true, onProgress: ({ done, total }) => console.log(`${done} of ${total} pages`) });
   * ```
   * @param path the path of the file, or its URL; a relative one is relative to the working directory
   * @throws {@link UbiqliteError} `InvalidArgument` if the file exists and may not be overwritten, is the database itself or
   * one of its files, or has the log or journal of another database next to it; `CannotOpen` for a missing or forbidden
   * folder; `DiskFull`; `Busy` while another copy is written to the same place; `Unsupported` in browsers and with the wasm
   * engine, where there is {@link backupStream}. There is no file of the copy then
   */
  backup(path: string | URL, options?: BackupOptions): Promise<void> {
    return backup(this.target, path, options);
  }

  /**
   * Copies the database as a stream of the bytes of its file: for an upload, or a download. Cancelling the stream ends the
   * copy, and so does the signal; the time limit is for each wait.
   *
   * It begins at once. With Node's native engine, a database in a file is copied into a temporary file first, which is
   * removed before its first byte is read: the reader may take its time. Elsewhere it is read in one read transaction,
   * which keeps the log from being emptied until the last byte is read.
   *
   * ```js
   * const blob = await new Response(db.backupStream()).blob();
   * ```
   * The stream fails with {@link UbiqliteError}: `DiskFull` if there is no room for the copy; `Timeout` if its reader has
   * stalled for the `stallTimeout` while the log was beyond its limit, where the copy is not made in a file; `Cancelled` if
   * the engine was lost; `Unsupported` for `compact` where the copy is not made in a file. What has come before is no
   * database.
   */
  backupStream(options?: BackupStreamOptions): ReadableStream<Uint8Array> {
    return backupStream(this.target, options);
  }

  /**
   * Returns a copy of the database as the bytes of its file. The function `deserialize` opens them as a database in memory.
   *
   * @throws {@link UbiqliteError} what {@link backupStream} fails with
   */
  serialize(options?: BackupStreamOptions): Promise<Uint8Array<ArrayBuffer>> {
    return serialize(this.target, options);
  }

  /**
   * Replaces all that the database contains by what a database file does, in one transaction: whoever reads, in whichever
   * tab or process, sees all of the old or all of the new. Live queries run again, once. Snapshots, and transactions that
   * have begun to read, keep what they see. The file is checked before anything is changed, and is not changed itself.
   *
   * ```js
   * await db.restore('./daily.db');
   * await db.restore(await (await fetch('/backup')).blob());
   * ```
   * @param source in Node the path or the file URL of a database file; everywhere its bytes: a buffer, a view, a `Blob`, or
   * a stream or other iterable of `Uint8Array`. They are gathered in memory, a few times over: from a path, they are not
   * @param options the time limit begins when the source has been read
   * @throws {@link UbiqliteError} `NotADatabase` for an empty file or one of another format; `Corrupt` for a damaged one;
   * `CannotOpen`; `InvalidArgument` for the database itself (native engine), and for a file whose texts are in another encoding than this
   * database's; `Busy` as for any write; `DiskFull`; `ReadOnly`; `Unsupported` for a path in browsers. Nothing is changed
   * then. `OutcomeUnknown` if the engine was lost meanwhile: all of it was done, or nothing
   */
  restore(source: DatabaseBytes | string | URL, options?: CallOptions): Promise<void> {
    return restore(this.target, source, options);
  }

  /**
   * Keeps a replica of the database up to date in the folder `to`: all its pages first, and then those that each commit has
   * changed, whoever made it. `restoreReplica` makes the database of any moment of it again. The files are LTX, in litestream's
   * layout.
   *
   * What is committed is read from the write-ahead log afterwards: nobody who writes waits for it. After a restart it goes on
   * where it was, if the database is what it was. Closing the database stores what was committed before.
   *
   * ```js
   * const replica = await db.replicate('./backup');
   * await db.execute('INSERT INTO items (name) VALUES (?)', ['lamp']);
   * console.log('stored up to transaction', (await replica.flush()).transaction);
   * ```
   * @param to the path of the folder, or its URL, which is created if it is missing; or a storage of the program's own, whose
   * methods are called in this process. A process with nothing else to do ends, whatever such a storage has still to store:
   * close the database first, as always
   * @throws {@link UbiqliteError} `Unsupported` in browsers and with Node's wasm engine, and without a write-ahead log; `Busy`
   * if another process, or another replica of this one, writes to the folder; `CannotOpen` and `Io` of the folder
   */
  replicate(to: string | URL | ReplicaStorage, options?: ReplicateOptions): Promise<Replica> {
    return replicate(this.target, to, options);
  }

  /** Returns what the storage can do. */
  capabilities(): Promise<Capabilities> {
    return this.target.call(Op.capabilities, undefined, capabilitiesOf);
  }

  /**
   * Calls `listener` whenever a call of this database is over, with the time that it waited and that it ran. While
   * nobody listens, nothing is measured. In Node there is also the tracing channel `ubiqlite:call`.
   *
   * ```js
   * const stop = db.trace(({ summary, run, queueWait }) => console.log(summary, run, queueWait), { slowerThan: 100 });
   * ```
   * @param options `slowerThan`: only calls that ran for at least so many milliseconds; what they waited does not count.
   * Of a call that the engine has not reported, as one that was aborted, its `duration` counts. Default: all
   * @returns stops it
   */
  trace(listener: TraceListener, options: { slowerThan?: number } = {}): () => void {
    if (typeof listener !== 'function') throw invalid('the listener of trace() must be a function');
    const { slowerThan = 0 } = options;
    if (typeof slowerThan !== 'number' || !(slowerThan >= 0)) {
      throw invalid('the option slowerThan must be a number of milliseconds');
    }
    return this.target.client.tracer.add(listener, slowerThan);
  }

  /** Stops all calls of this handle that are in progress. They reject with a CancelledError. */
  interrupt(): void {
    this.target.client.interrupt();
  }

  /**
   * Waits for every accepted call, then closes. Transactions, sessions, snapshots and
   * streams that are still open have the busy timeout to end; then they are rolled back.
   * Later calls reject with `Closed`. Closing again does nothing.
   */
  close(): Promise<void> {
    return this.target.client.close();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Opens the database that the connector finds. @internal */
export async function openDatabase(
  path: string,
  options: DatabaseOptions,
  connector: Connector,
  call: CallOptions,
): Promise<Database> {
  const link = new EngineClient(connector, { bigints: options.bigint === true, patience: options.busyTimeout ?? BUSY_TIMEOUT, namespace: path });
  const target = new CallTarget(link, undefined);
  const { migrations } = options;
  // The files are read before anything is created.
  const run = migrations === undefined ? undefined : await openingMigrations(target, migrations).opening(path);
  const first = run && (() => run().catch((error: unknown) => Promise.reject(ofPath(error, path))));
  await link.open(call, first);
  return new Database(target, path);
}
