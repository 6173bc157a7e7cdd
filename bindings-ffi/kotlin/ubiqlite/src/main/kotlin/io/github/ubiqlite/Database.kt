package io.github.ubiqlite

import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.Place
import io.github.ubiqlite.internal.CallTarget
import io.github.ubiqlite.internal.Batches
import io.github.ubiqlite.internal.applied
import io.github.ubiqlite.internal.indexed
import io.github.ubiqlite.internal.invalid
import io.github.ubiqlite.internal.opened
import io.github.ubiqlite.internal.commits
import io.github.ubiqlite.internal.copied
import io.github.ubiqlite.internal.copiedBytes
import io.github.ubiqlite.internal.damages
import io.github.ubiqlite.internal.recovered
import io.github.ubiqlite.internal.replicated
import io.github.ubiqlite.internal.restored
import io.github.ubiqlite.internal.stats
import io.github.ubiqlite.internal.updates
import io.github.ubiqlite.internal.updatesOfAll
import java.io.ByteArrayOutputStream
import kotlin.time.Duration
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.withContext

/**
 * An open database, from [open].
 *
 * One write runs at a time, and reads run concurrently with it. Each call is its own transaction;
 * [transaction] groups several statements into one. Every method may be called from every thread
 * and dispatcher, and without a dispatcher. It is closed by [close], or at the end of [use]; a
 * forgotten one is closed when it is garbage-collected.
 *
 * ```kotlin
 * Database.open("app.db").use { db ->
 *     val id = db.table("items").insert("name" to "lamp")
 *     db.stream("SELECT * FROM items WHERE id > ?", 10).collect { row -> println(row) }
 * }
 * ```
 */
public class Database internal constructor(
    target: CallTarget,
    /** The path it was opened with. */
    public val path: String,
) : Statements(target) {
    /** Returns the same database with a time limit for every call made through it; then [UbiqliteException.Timeout]. */
    public fun timeout(limit: Duration): Database = Database(target.limited(limit), path)

    /**
     * Runs [body] in a transaction. It is committed if [body] succeeds, and rolled back if
     * [body] throws or its coroutine is cancelled: that exception propagates unchanged. Other
     * reads run concurrently with it. Other writes, including those through the database
     * itself, wait until it ends.
     *
     * ```kotlin
     * val left = db.transaction { tx ->
     *     tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", 1)
     *     tx.queryValue<Long>("SELECT balance FROM accounts WHERE id = ?", 1)
     * }
     * ```
     * @throws UbiqliteException.Busy if the write lock could not be taken within the busy timeout
     */
    public suspend fun <T> transaction(mode: Mode = Mode.IMMEDIATE, body: suspend (Transaction) -> T): T =
        transact(target, mode, body)

    /** Begins a transaction and returns its handle: it is rolled back unless it is committed. */
    public suspend fun begin(mode: Mode = Mode.IMMEDIATE): Transaction = begin(target, mode)

    /**
     * Returns a snapshot, for several reads of the same moment, over any number of calls.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun snapshot(): Snapshot = Snapshot(target.within(target.open(Op.SNAPSHOT)))

    /**
     * Acquires a dedicated connection, for `ATTACH`, temporary tables and `PRAGMA`s.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun acquire(): Session = Session(target.within(target.open(Op.ACQUIRE)))

    /**
     * Watches a query: a flow of its result now, and then of each new one, whoever made the
     * change: this database, another one on the same file, another process. A commit after which
     * the result is the same emits nothing.
     *
     * ```kotlin
     * db.watch("SELECT id, name FROM items WHERE status = ?", "new", key = "id")
     *     .mapRows { it.into<Item>() }
     *     .collect { update -> show(update.rows, update.added, update.removed, update.updated) }
     * ```
     * Each collection is a watch of its own, which ends with the collection. Nothing runs before
     * it, and nothing is queued: a slow collector gets the newest result. Closing the database
     * ends the flow normally, also while it waits. Only committed data is seen. A function like
     * `random()` is called again when data that the query reads has changed, not as time goes by.
     *
     * A [time limit][timeout] holds for each wait for a result, however long nothing changes:
     * then the flow ends with [UbiqliteException.Timeout].
     *
     * @param params as those of [query]
     * @param key the column that tells a row from the others, for [Update.updated]; null: all columns do
     * @throws UbiqliteException to the collector: SQLite's errors by kind, also if the query fails later, for example
     * `NoSuchTable` when its table was dropped; `Unsupported` for a statement that writes, or reads a temporary or
     * attached table; `InvalidArgument` if the parameters do not fit, or the query has no column [key]; `Closed` if the
     * database is closed before the first result
     */
    public fun watch(sql: String, vararg params: Any?, key: String? = null): Flow<Update<Row>> =
        watch(sql, params = params, key = listOfNotNull(key))

    /** Like the other [watch], with a key of several columns; an empty list is none. */
    public fun watch(sql: String, vararg params: Any?, key: List<String>): Flow<Update<Row>> = updates(target, Op.WATCH) { out ->
        out.statement(sql, params)
        out.u32(key.size)
        key.forEach(out::text)
    }

    /**
     * Watches several queries, whose results are always of one moment: a flow of lists, with an
     * [Update] for each query, in their order. A list comes when the result of one of them is another.
     *
     * ```kotlin
     * db.watchAll(Statement("SELECT * FROM items WHERE status = ?", "new").key("id"), Statement("SELECT count(*) FROM items"))
     *     .collect { (items, count) -> show(items.rows, items.updated, of = count.rows[0].long(0)) }
     * ```
     * Everything else is as with [watch].
     *
     * @param queries each with the [key][Statement.key] of its own rows, if it has one
     * @throws UbiqliteException to the collector: as of [watch], if one of the queries fails, whose position is the
     * error's `index`; `InvalidArgument` without a query
     */
    public fun watchAll(vararg queries: Statement): Flow<List<Update<Row>>> = updatesOfAll(target, queries.size) { out ->
        out.u32(queries.size)
        queries.forEachIndexed { index, query ->
            indexed(index) { out.statement(query.sql, query.params) }
            out.u32(query.key.size)
            query.key.forEach(out::text)
        }
    }

    /**
     * Follows commits: a flow of what each has changed, whoever makes it: the tables, and the keys of
     * their rows. For caches, indexes and logs of one's own; a query that is to follow its data is
     * watched by [watch].
     *
     * ```kotlin
     * db.commits("items").collect { commit ->
     *     if (commit.everything) cache.clear()
     *     commit.tables.forEach { table -> table.rows?.forEach { cache.remove(it.key) } ?: cache.clear() }
     * }
     * ```
     * Each collection is a feed of its own: it has each commit that is requested after it began. A
     * collector may be slow: 32 events are kept for it, and the last of them joins all later
     * commits, so that it loses detail but no change. Closing the database ends the flow normally.
     *
     * A [time limit][timeout] holds for each wait for an event: then the flow ends with
     * [UbiqliteException.Timeout].
     *
     * @param tables if given, the flow has only commits that change one of them, or may have changed anything or the
     * schema
     * @throws UbiqliteException to the collector: `Closed` if the database is closed before
     */
    public fun commits(vararg tables: String): Flow<CommitEvent> = commits(target, tables)

    /**
     * Tells the watches of queries that read one of these tables that it may have changed: for
     * changes that nobody else can see, such as of what a virtual table reads. The queries run
     * again; those whose result is the same emit nothing.
     *
     * @param tables names of tables; one that no watch reads is ignored
     * @throws UbiqliteException.Closed if the database is closed
     */
    public suspend fun touch(vararg tables: String) {
        target.ask(Op.TOUCH) { out ->
            out.u32(tables.size)
            tables.forEach(out::text)
        }.done()
    }

    /**
     * Checks the whole database, and returns what is wrong with it: nothing, in a sound one. It reads
     * every page, on one reader. Writes go on meanwhile, and the log grows until the check has ended.
     *
     * ```kotlin
     * db.check().forEach { println("${it.kind} ${it.table}: ${it.message}") }
     * ```
     * SQLite describes at most 100 faults of the content, and of each table. What it finds first may
     * keep it from finding the rest, and from looking at foreign keys: check again what was mended.
     *
     * @throws UbiqliteException `Corrupt` or `NotADatabase` if not even the schema can be read
     */
    public suspend fun check(): List<Damage> = damages(target)

    /**
     * Writes all that can be read of this database's file, which may be damaged, into the new database
     * file [path], by SQLite's [recovery](https://sqlite.org/recovery.html): the schema, the rows, and
     * rows whose table is not known. The file is read as any reader does, and is not changed.
     *
     * ```kotlin
     * if (db.check().isNotEmpty()) println(db.recover("saved.db").tables)
     * ```
     * What is saved may be incomplete, and may have rows that were deleted before. Indexes are made
     * anew, and constraints are not checked. The new file gets its name when it is complete: a call that
     * fails or is cancelled leaves none. `Database.recover` does it with a file that can't even be opened.
     *
     * @throws UbiqliteException `InvalidArgument` if the new file exists, and for a database in memory; `CannotOpen`;
     * `NotADatabase` if nothing in the file is of a database
     */
    public suspend fun recover(path: String): Recovered = recovered(target, "", path)

    /**
     * Returns what this database has done and is doing: who waits and for how long, commits, caches, the log. It waits for nobody.
     *
     * ```kotlin
     * val stats = db.stats()
     * println("${stats.commits} commits; ${stats.waitingWrites} writes wait")
     * ```
     */
    public suspend fun stats(): Stats = stats(target)

    /**
     * Calls [listener] whenever a call is over, and tells how long it waited and how long it ran. It is measured only then.
     *
     * ```kotlin
     * val tracing = db.trace(slowerThan = 100.milliseconds) { call -> println(call) }
     * ```
     * The listener is called soon after the call, one call at a time, on a thread which it may block, whose handler of
     * uncaught exceptions gets what it throws. It is not called in the coroutine context of the caller, so a span or an
     * MDC that is current there is not here. If it refers to the database, that is never forgotten, nor closed by it.
     * 1000 calls wait for a slow listener. Of later ones it is not told: [TracedCall.missed] of the next call counts them.
     *
     * @param slowerThan it is told only of calls that ran for at least so long; how long they waited does not count. Of a
     * call that the engine has not reported, as one that was cancelled, [TracedCall.duration] counts
     * @return removes the listener when it is closed: no further call of the listener begins
     */
    public fun trace(slowerThan: Duration = Duration.ZERO, listener: (TracedCall) -> Unit): AutoCloseable =
        target.client.traces.add(slowerThan, listener)

    /**
     * Returns these migrations of this database, to be run and inspected. Nothing happens before one of
     * its methods is called.
     *
     * ```kotlin
     * for (step in db.migrations(Migrations.resources("migrations")).run()) println("${step.name} took ${step.took}")
     * ```
     */
    public fun migrations(migrations: Migrations): Migrator = Migrator(target, migrations)

    /**
     * Records the changes of these tables from now on, and returns where they wait to be sent.
     *
     * ```kotlin
     * val outbox = db.outbox("items", "notes")
     * outbox.batches().collect { batch ->
     *     send(batch.bytes)
     *     outbox.ack(batch.id)
     * }
     * ```
     * What is recorded is kept in the database: it goes on when the database is opened again, and
     * through every connection of this library, also in other processes that have it open already.
     * A transaction that has written before it could know fails with `SchemaChanged`. Another call
     * replaces the tables, and one without names ends the recording; what waits already stays.
     * Changes that [apply] makes are not recorded, since they come from elsewhere.
     *
     * Other programs that write into the file, such as the `sqlite3` shell, know nothing of this:
     * what they change is not recorded. Neither is what a connection changes that has attached the
     * file as another database.
     *
     * A commit's changes are put together in memory. Columns that are added later are recorded from
     * then on; a table that is renamed or dropped is not recorded under its new name. While tables
     * are recorded, a commit fails, and changes nothing, with `NotNullViolation` if a row has `NULL`
     * in its primary key, and with `SchemaChanged` if another process has changed the columns
     * meanwhile.
     *
     * @throws UbiqliteException `InvalidArgument` for tables that can't be recorded: those without a primary key, since
     * their rows can't be told apart elsewhere, virtual and shadow tables and views; `NoSuchTable`; `Unsupported`
     * without [Capabilities.changesets]
     */
    public suspend fun outbox(vararg tables: String): Outbox = Outbox(Batches.of(target, tables))

    /**
     * Applies changes that were made elsewhere, in one transaction. [policy] decides where one of
     * them meets another change; what was decided is returned.
     *
     * ```kotlin
     * val done = db.apply(bytes, Policy.THEIRS, mapOf("notes" to Policy.newest("updated_at")))
     * for (conflict in done.conflicts) println("${conflict.table} ${conflict.key}: ${conflict.decision}")
     * ```
     * Triggers don't fire and foreign keys have no actions: what those did elsewhere is among the
     * changes. Foreign keys are checked at the end. Live queries see what was changed, and the
     * outbox does not: it is no change of this database's own. What waits in the outbox is made to
     * stand on what was applied: it is then the difference between what the others have and what is
     * here, whatever the policy has decided. For that it may be replaced by one batch of a new number,
     * so a program doesn't apply while it sends.
     *
     * @param bytes a change set as [OutboxBatch.bytes] is one, or several one after another; it may come from anybody:
     * what is no change set is refused. A table here may have more columns, at its end, than theirs
     * @param policy for all tables that are not among [tables]
     * @param tables other policies for some tables, by name
     * @throws UbiqliteException `InvalidArgument` for bytes that are no change set, or that would change something else
     * than a table; `NoSuchTable`; `NoSuchColumn` for that of a policy; `SchemaChanged` if a table has fewer columns
     * here, or another key; `ForeignKeyViolation` if a row would refer to none; `ConstraintViolation` where the policy
     * is to abort; `Unsupported` without [Capabilities.changesets]. Nothing is changed then
     */
    public suspend fun apply(bytes: ByteArray, policy: Policy, tables: Map<String, Policy> = emptyMap()): Applied =
        applied(target, bytes, policy, tables)

    /**
     * Copies the database into the file [path], while others go on reading and writing.
     *
     * ```kotlin
     * db.backup("daily.db", overwrite = true) { println("${it.done} of ${it.total} pages") }
     * ```
     * The copy is one moment of the database, not before this call: usually that of its end, since
     * what is written through this database meanwhile goes into the copy as well. It may be made
     * inside a [transaction]: it waits for that as long as the busy timeout, and then has what was
     * committed before. The log stays small meanwhile, unless others keep writing.
     *
     * The file is written as `name.part` next to its place, and gets its name when it is complete and
     * on the disk: there is never half a file by that name. Cancelling the coroutine ends the copy, and
     * removes what there is of it. A [time limit][timeout] holds for each wait for progress.
     *
     * @param path of the copy
     * @param overwrite replaces a file that is there, in one step once the copy is complete
     * @param compact copies without the space that deleted rows have left, by `VACUUM INTO`: the copy is the moment at
     * which it was begun, progress is reported only at its end, the log can't be emptied meanwhile, and rows of tables
     * without an `INTEGER PRIMARY KEY` may get other rowids
     * @param progress is called in this coroutine when the copy has got further, which goes on while it runs; if it
     * throws, the copy ends and is removed, unless it is complete already
     * @throws UbiqliteException `InvalidArgument` if the file exists and may not be overwritten, is the database itself or
     * one of its files by whatever name, or has the log or journal of another database next to it; `CannotOpen` for a
     * missing or forbidden folder; `DiskFull`; `Busy` while another copy is written to the same place; `Unsupported`
     * without [Capabilities.backups]. There is no file of the copy then
     */
    public suspend fun backup(
        path: String,
        overwrite: Boolean = false,
        compact: Boolean = false,
        progress: suspend (BackupProgress) -> Unit = {},
    ): Unit = copied(target, path, overwrite, compact, progress)

    /**
     * Copies the database as the bytes of its file: a flow of them in order, for an upload.
     *
     * ```kotlin
     * File("copy.db").outputStream().use { out -> db.backupStream().collect { out.write(it) } }
     * ```
     * Each collection is a copy of its own, which ends with the collection; nothing happens before it.
     * A database in a file is copied into a temporary file next to it, or among the system's, which
     * is removed before the first bytes are emitted: so the collector may take its time, and the disk
     * needs room for it. A database in memory is read in one read transaction instead, which keeps
     * its log from being emptied until the last bytes are emitted. A [time limit][timeout] holds for
     * each wait for bytes.
     *
     * @param compact as of [backup]; `Unsupported` where the copy is not made in a file
     * @throws UbiqliteException to the collector: `DiskFull` without room for the copy; `Timeout` if the collector has
     * stalled for the stall timeout while the log was beyond its limit, where the copy is not made in a file; `Closed`
     * if the database is closed before the end. What was emitted before is no database
     */
    public fun backupStream(compact: Boolean = false): Flow<ByteArray> = copiedBytes(target, compact)

    /**
     * Returns a copy of the database, of less than 2 GiB, as the bytes of its file, for [deserialize] and
     * [restore].
     *
     * ```kotlin
     * val copy = Database.deserialize(db.serialize())
     * ```
     * @throws UbiqliteException as of [backupStream]
     */
    public suspend fun serialize(): ByteArray {
        val all = ByteArrayOutputStream()
        backupStream().collect { all.writeBytes(it) }
        return all.toByteArray()
    }

    /**
     * Replaces all that the database contains by what the file [path] does, in one transaction:
     * whoever reads sees all of the old or all of the new. Watched queries run again, once.
     * Snapshots, and transactions that have begun to read, keep what they see.
     *
     * ```kotlin
     * db.restore("daily.db")
     * ```
     * The file is checked before anything is changed, and is not changed itself. The database keeps its
     * page size and its journal mode; if the file has others, it is rebuilt in a temporary file first,
     * where rows of tables without an `INTEGER PRIMARY KEY` may get other rowids. All of the new content
     * goes through the log, which is that large for a moment. If the coroutine is cancelled, all of it
     * has happened or nothing.
     *
     * @param path of a database file that no other program is writing
     * @throws UbiqliteException `NotADatabase` for an empty file or one of another format; `Corrupt` for a damaged one;
     * `CannotOpen`; `InvalidArgument` for the database itself, and for a file whose texts are in another encoding than
     * this database's; `Busy` as for any write; `DiskFull`; `ReadOnly`; `Unsupported` without [Capabilities.backups].
     * Nothing is changed then
     */
    public suspend fun restore(path: String): Unit = restored(target, path)

    /**
     * Like the other [restore], from the bytes of a database file, as [serialize] and [backupStream]
     * have them: less than 2 GiB.
     */
    public suspend fun restore(bytes: ByteArray): Unit = restored(target, bytes)

    /**
     * Keeps a replica of the database up to date in the folder [to], from which [restoreReplica] makes the
     * database of any moment again: `db.replicate("backup") { keep = 30.days }`. [Replica] has the rules.
     *
     * @throws UbiqliteException `Unsupported` without a write-ahead log; `Busy` if another process, or another replica,
     * writes to the folder; `CannotOpen` and `Io` of the folder; `InvalidArgument` for options that can't be used
     */
    public suspend fun replicate(to: String, options: ReplicaOptions.() -> Unit = {}): Replica =
        Replica(replicated(target, Place.Folder(to), ReplicaOptions().apply(options)))

    /** Returns what the storage can do. */
    public suspend fun capabilities(): Capabilities = target.ask(Op.CAPABILITIES).capabilities()

    /**
     * Stops this database's running calls: they fail with
     * [UbiqliteException.Cancelled]. A closed database has none.
     */
    public fun interrupt() {
        target.begin(Op.INTERRUPT)
    }

    /**
     * Waits for every accepted call, then closes. Transactions, sessions, snapshots and
     * streams that are still open have the busy timeout to end; then they are rolled back.
     * Watches end at once.
     * Later calls fail with [UbiqliteException.Closed]; closing again does nothing. If the
     * wait is cancelled, closing continues.
     */
    public suspend fun close(): Unit = target.client.close()

    /** Runs [block], and then closes, however [block] ends. */
    public suspend inline fun <R> use(block: (Database) -> R): R {
        try {
            return block(this)
        } finally {
            closeAnyway()
        }
    }

    @PublishedApi
    internal suspend fun closeAnyway(): Unit = withContext(NonCancellable) { close() }

    public companion object {
        /**
         * Opens a database: with a write-ahead log, foreign keys and durable commits,
         * unless [options] say otherwise.
         *
         * ```kotlin
         * val db = Database.open("app.db") { readers = 8 }
         * ```
         * @param path of the file, which is created if it is missing; `":memory:"` for none
         * @throws UbiqliteException `CannotOpen`, `NotADatabase`, `Corrupt`, `ReadOnly`, `Busy`; `InvalidArgument` for options
         * that can't be used; `Unsupported` if there is no native library for this system. With
         * [migrations][DatabaseOptions.migrations] what [Migrator.run] throws, such as `SchemaTooNew` if a newer program has
         * applied migrations that are not among them
         */
        public suspend fun open(path: String, options: DatabaseOptions.() -> Unit = {}): Database =
            opened(path, DatabaseOptions().apply(options)) { }

        /**
         * Opens a database in memory with the content of these bytes, which are those of a database file.
         *
         * ```kotlin
         * val copy = Database.deserialize(db.serialize())
         * ```
         * @param options as of [open]; migrations are applied to the content
         * @throws UbiqliteException `NotADatabase` and `Corrupt`; `InvalidArgument` for texts in another encoding than UTF-8;
         * those of [open]
         */
        public suspend fun deserialize(bytes: ByteArray, options: DatabaseOptions.() -> Unit = {}): Database =
            opened(":memory:", DatabaseOptions().apply(options)) { it.restore(bytes) }

        /**
         * Writes all that can be read of the damaged database file [from] into the new database file [to]: as
         * the other [recover][Database.recover], of a file that need not be open, and perhaps can't be opened.
         *
         * ```kotlin
         * Database.recover("damaged.db", "saved.db").tables.forEach { (table, rows) -> println("$table: $rows rows") }
         * ```
         * Others may have it open: a transaction that was not finished is rolled back, and nothing else is
         * changed.
         *
         * @throws UbiqliteException `CannotOpen` if [from] does not exist, or [to] can't be created; `InvalidArgument` if [to]
         * exists; `NotADatabase` if nothing in the file is of a database
         */
        public suspend fun recover(from: String, to: String): Recovered {
            if (from.isEmpty()) throw invalid("the path of the damaged database must not be empty")
            return open(":memory:").use { recovered(it.target, from, to) }
        }

        /**
         * Makes the database of a moment of the replica in the folder [from], in the new file [to]: see
         * [ReplicaMoment]. Returns the number of its last transaction.
         */
        public suspend fun restoreReplica(from: String, to: String, moment: ReplicaMoment = ReplicaMoment.LATEST): Long =
            open(":memory:").use { restored(it.target, Place.Folder(from), to, moment) }
    }
}
