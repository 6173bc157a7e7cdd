package io.github.ubiqlite.java

import io.github.ubiqlite.Applied
import io.github.ubiqlite.BackupProgress
import io.github.ubiqlite.Capabilities
import io.github.ubiqlite.Damage
import io.github.ubiqlite.Database
import io.github.ubiqlite.Migrations
import io.github.ubiqlite.Mode
import io.github.ubiqlite.Policy
import io.github.ubiqlite.Recovered
import io.github.ubiqlite.ReplicaMoment
import io.github.ubiqlite.Statement
import io.github.ubiqlite.Stats
import io.github.ubiqlite.TracedCall
import io.github.ubiqlite.replicate
import io.github.ubiqlite.restoreReplica
import java.time.Duration
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.function.Consumer
import java.util.function.Function
import kotlin.time.toKotlinDuration

/**
 * An open database, from [open].
 *
 * One write runs at a time, and reads run concurrently with it. Each call is its own
 * transaction; [transaction] groups several statements into one. Every method may be called
 * from every thread; none blocks it. It is closed by [close]; a forgotten one is closed when
 * it is garbage-collected.
 *
 * ```java
 * UbiqliteDatabase.open("app.db").thenCompose(db ->
 *     db.table("items").insert(Map.of("name", "lamp"))
 *         .thenCompose(id -> db.queryOne("SELECT * FROM items WHERE id = ?", id))
 *         .thenAccept(row -> System.out.println(row.getString("name")))
 *         .whenComplete((done, error) -> db.close()));
 * ```
 *
 * A null where none is allowed makes the call itself throw a `NullPointerException`.
 */
public class UbiqliteDatabase private constructor(private val database: Database, caller: Caller) :
    Statements(database, caller) {
    /** The path it was opened with. */
    public val path: String get() = database.path

    /**
     * Returns the same database with a time limit for every call made through it; then
     * [io.github.ubiqlite.UbiqliteException.Timeout].
     */
    public fun timeout(limit: Duration): UbiqliteDatabase =
        UbiqliteDatabase(database.timeout(limit.toKotlinDuration()), caller)

    /**
     * Runs [body] in a transaction. It is committed when the stage completes, and rolled back
     * if the stage fails, if [body] throws, or if the returned future is cancelled. Other reads
     * run concurrently with it. Other writes, including those through the database itself,
     * wait until it ends. [body] is called on the executor.
     *
     * ```java
     * CompletableFuture<Long> left = db.transaction(tx ->
     *     tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", 1)
     *         .thenCompose(done -> tx.queryValue(Long.class, "SELECT balance FROM accounts WHERE id = ?", 1)));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException.Busy in the future, if the write lock could not be taken within the
     * busy timeout
     */
    @JvmOverloads
    public fun <T> transaction(
        mode: Mode = Mode.IMMEDIATE,
        body: Function<in Transaction, out CompletionStage<T>>,
    ): CompletableFuture<T> =
        caller.work { database.transaction(mode) { tx -> body.stage(Transaction(tx, caller)) } }

    /** Begins a transaction and returns its handle: it is rolled back unless it is committed. */
    @JvmOverloads
    public fun begin(mode: Mode = Mode.IMMEDIATE): CompletableFuture<Transaction> =
        caller.ask { Transaction(database.begin(mode), caller) }

    /**
     * Returns a snapshot, for several reads of the same moment, over any number of calls.
     *
     * @throws io.github.ubiqlite.UbiqliteException.Timeout in the future, if no connection was free within the acquire
     * timeout
     */
    public fun snapshot(): CompletableFuture<Snapshot> = caller.ask { Snapshot(database.snapshot(), caller) }

    /**
     * Acquires a dedicated connection, for `ATTACH`, temporary tables and `PRAGMA`s.
     *
     * @throws io.github.ubiqlite.UbiqliteException.Timeout in the future, if no connection was free within the acquire
     * timeout
     */
    public fun acquire(): CompletableFuture<Session> = caller.ask { Session(database.acquire(), caller) }

    /**
     * Watches a query: its result now, and then each new one, whoever made the change: this
     * database, another one on the same file, another process. A commit after which the result is
     * the same is not told. Nothing runs before a subscription.
     *
     * ```java
     * db.watch("SELECT * FROM items WHERE status = ?", "new").forEach(update -> show(update.getRows()));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException to the subscriber: SQLite's errors by kind, also if the query fails
     * later, for example `NoSuchTable` when its table was dropped; `Unsupported` for a statement that writes, or reads a
     * temporary or attached table
     */
    public fun watch(sql: String, vararg params: Any?): UpdateStream = UpdateStream(database.watch(sql, *params), caller)

    /**
     * Like the other [watch], with the columns that tell a row from the others: a row with the
     * same key and other values is updated, instead of removed and added.
     *
     * ```java
     * db.watch(List.of("id"), "SELECT * FROM items WHERE status = ?", "new").forEach(update -> show(update.getUpdated()));
     * ```
     */
    public fun watch(key: List<String>, sql: String, vararg params: Any?): UpdateStream =
        UpdateStream(database.watch(sql, *params, key = key), caller)

    /**
     * Watches several queries, whose results are always of one moment: a list of them, with one for
     * each query in their order, now and then whenever one of them is another.
     *
     * ```java
     * db.watchAll(new Statement("SELECT * FROM items WHERE status = ?", "new").key("id"), new Statement("SELECT count(*) FROM items"))
     *     .forEach(results -> show(results.get(0).getRows(), results.get(1).getRows()));
     * ```
     * @param queries each with the columns that tell its rows apart, if it has a key
     * @throws io.github.ubiqlite.UbiqliteException to the subscriber: as of [watch], if one of the queries fails, whose
     * position is the error's `index`; `InvalidArgument` without a query
     */
    public fun watchAll(vararg queries: Statement): UpdateListStream = UpdateListStream(database.watchAll(*queries), caller)

    /**
     * Follows commits: what each has changed, whoever makes it: the tables, and the keys of their rows.
     *
     * ```java
     * db.commits("items").forEach(commit -> commit.getTables().forEach(table -> show(table.getName(), table.getRows())));
     * ```
     * @param tables if given, only commits are told that change one of them, or may have changed anything or the schema
     * @throws io.github.ubiqlite.UbiqliteException to the subscriber: `Closed` if the database is closed before
     */
    public fun commits(vararg tables: String): CommitStream = CommitStream(database.commits(*tables), caller)

    /**
     * Tells the watches of queries that read one of these tables that it may have changed: for
     * changes that nobody else can see. The queries run again; a result that is the same is not told.
     */
    public fun touch(vararg tables: String): CompletableFuture<Void?> = caller.tell { database.touch(*tables) }

    /**
     * Checks the whole database, and returns what is wrong with it: nothing, in a sound one.
     * [io.github.ubiqlite.Database.check] says what it finds.
     */
    public fun check(): CompletableFuture<List<Damage>> = caller.ask { database.check() }

    /**
     * Writes all that can be read of this database's file, which may be damaged, into the new database
     * file [path]. [io.github.ubiqlite.Database.recover] says what is saved.
     *
     * ```java
     * db.recover("saved.db").thenAccept(saved -> System.out.println(saved.getTables()));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future: `InvalidArgument` if the new file exists, and for a
     * database in memory; `CannotOpen`; `NotADatabase` if nothing in the file is of a database
     */
    public fun recover(path: String): CompletableFuture<Recovered> = caller.ask { database.recover(path) }

    /**
     * Returns what this database has done and is doing: who waits, how long waits and work took, commits,
     * caches, and the log. It waits for nobody.
     *
     * ```java
     * db.stats().thenAccept(stats -> System.out.println(stats.getCommits() + " commits"));
     * ```
     */
    public fun stats(): CompletableFuture<Stats> = caller.ask { database.stats() }

    /**
     * Calls [listener] whenever a call of this database is over, and tells how long it waited apart from how
     * long it ran. [io.github.ubiqlite.Database.trace] has the rules.
     *
     * ```java
     * AutoCloseable tracing = db.trace(Duration.ofMillis(100), call -> System.out.println(call));
     * ```
     * @param slowerThan it is told only of calls that ran for at least so long
     * @return removes the listener when it is closed
     */
    @JvmOverloads
    public fun trace(slowerThan: Duration = Duration.ZERO, listener: Consumer<in TracedCall>): AutoCloseable =
        database.trace(slowerThan.toKotlinDuration()) { listener.accept(it) }

    /**
     * Returns these migrations of this database, to be run and inspected. Nothing happens before one of
     * its methods is called.
     *
     * ```java
     * db.migrations(Migrations.resources("migrations")).run()
     *     .thenAccept(steps -> steps.forEach(step -> System.out.println(step.getName() + " took " + step.getTook())));
     * ```
     */
    public fun migrations(migrations: Migrations): Migrator = Migrator(database.migrations(migrations), caller)

    /**
     * Records the changes of these tables from now on, and returns where they wait to be sent. What is
     * recorded is kept in the database, and goes on when that is opened again. Another call replaces
     * the tables, and one without names ends the recording. [io.github.ubiqlite.Database.outbox] has
     * the rules.
     *
     * ```java
     * db.outbox("items").thenCompose(outbox -> outbox.forEach(batch ->
     *     send(batch.getBytes()).thenCompose(arrived -> outbox.ack(batch.getId()))));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future: `InvalidArgument` for tables without a primary key,
     * virtual and shadow tables and views; `NoSuchTable`
     */
    public fun outbox(vararg tables: String): CompletableFuture<Outbox> =
        caller.ask { Outbox(database.outbox(*tables), caller) }

    /**
     * Applies changes that were made elsewhere, in one transaction. [policy] decides where one of
     * them meets another change; what was decided is returned. [io.github.ubiqlite.Database.apply]
     * has the rules.
     *
     * ```java
     * db.apply(bytes, Policy.THEIRS, Map.of("notes", Policy.newest("updated_at")))
     *     .thenAccept(done -> done.getConflicts().forEach(System.out::println));
     * ```
     * @param policy for all tables that are not among [tables]
     * @param tables other policies for some tables, by name
     * @throws io.github.ubiqlite.UbiqliteException in the future: `InvalidArgument` for bytes that are no change set;
     * `NoSuchTable`; `NoSuchColumn` for that of a policy; `SchemaChanged`; `ForeignKeyViolation`; `ConstraintViolation`
     * where the policy is to abort. Nothing is changed then
     */
    @JvmOverloads
    public fun apply(
        bytes: ByteArray,
        policy: Policy,
        tables: Map<String, Policy> = emptyMap(),
    ): CompletableFuture<Applied> = caller.ask { database.apply(bytes, policy, tables) }

    /**
     * Copies the database into the file [path], while others go on reading and writing. The copy is one
     * moment of the database, not before this call. The file gets its name when it is complete and on
     * the disk. If the future is cancelled, the copy ends and is removed. [io.github.ubiqlite.Database.backup]
     * has the rules.
     *
     * ```java
     * db.backup("daily.db", true, false, it -> System.out.println(it.getDone() + " of " + it.getTotal() + " pages"));
     * ```
     * @param overwrite replaces a file that is there, in one step once the copy is complete
     * @param compact copies without the space that deleted rows have left; progress is reported only at the end then
     * @param progress is called on the executor when the copy has got further; if it throws, the copy ends, and the
     * future fails with that
     * @throws io.github.ubiqlite.UbiqliteException in the future: `InvalidArgument` if the file exists and may not be
     * overwritten, or is the database itself; `CannotOpen` for a missing or forbidden folder; `DiskFull`; `Busy` while
     * another copy is written to the same place. There is no file of the copy then
     */
    @JvmOverloads
    public fun backup(
        path: String,
        overwrite: Boolean = false,
        compact: Boolean = false,
        progress: Consumer<in BackupProgress> = Consumer { },
    ): CompletableFuture<Void?> = caller.workOff { database.backup(path, overwrite, compact) { progress.accept(it) } }

    /**
     * Copies the database as the bytes of its file. Nothing happens before they are asked for.
     * [io.github.ubiqlite.Database.backupStream] has the rules.
     *
     * ```java
     * HttpRequest.newBuilder(uri).PUT(HttpRequest.BodyPublishers.fromPublisher(db.backupStream())).build();
     * ```
     * @param compact as of [backup]; `Unsupported` where the copy is not made in a file
     * @throws io.github.ubiqlite.UbiqliteException to the subscriber: `DiskFull`; `Timeout` if it has stalled for the
     * stall timeout, where the copy is not made in a file; `Closed`
     */
    @JvmOverloads
    public fun backupStream(compact: Boolean = false): BackupStream = BackupStream(database.backupStream(compact), caller)

    /** Returns a copy of the database, of less than 2 GiB, as the bytes of its file, for [deserialize] and [restore]. */
    public fun serialize(): CompletableFuture<ByteArray> = caller.ask { database.serialize() }

    /**
     * Replaces all that the database contains by what the file [path] does, in one transaction:
     * whoever reads sees all of the old or all of the new, and watched queries run again. The file is
     * checked before, and is not changed. [io.github.ubiqlite.Database.restore] has the rules.
     *
     * ```java
     * db.restore("daily.db").thenRun(() -> System.out.println("restored"));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future: `NotADatabase` and `Corrupt`; `CannotOpen`;
     * `InvalidArgument` for the database itself, and for texts in another encoding; `Busy` as for any write; `DiskFull`;
     * `ReadOnly`. Nothing is changed then
     */
    public fun restore(path: String): CompletableFuture<Void?> = caller.tell { database.restore(path) }

    /** Like the other [restore], from the bytes of a database file. */
    public fun restore(bytes: ByteArray): CompletableFuture<Void?> = caller.tell { database.restore(bytes) }

    /**
     * Keeps a replica of the database up to date in the folder [to]: all its pages first, and then those that
     * each commit has changed, whoever made it. [restoreReplica] makes the database of any moment of it again.
     *
     * ```java
     * db.replicate("backup", ReplicaOptions.builder().keep(Duration.ofDays(30)).build());
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future: `Unsupported` without a write-ahead log; `Busy` if
     * another process, or another replica, writes to the folder; `CannotOpen` and `Io` of the folder
     */
    @JvmOverloads
    public fun replicate(
        to: String,
        options: ReplicaOptions = ReplicaOptions.builder().build(),
    ): CompletableFuture<Replica> =
        caller.ask { Replica(database.replicate(to) { options.applyTo(this) }, caller) }

    /**
     * As the other [replicate], in a storage of the program's own.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: as of the other; what the storage's `list` and `get`
     * fail with, as `Io`
     */
    @JvmOverloads
    public fun replicate(
        to: ReplicaStorage,
        options: ReplicaOptions = ReplicaOptions.builder().build(),
    ): CompletableFuture<Replica> =
        caller.ask { Replica(database.replicate(JavaStorage(to, caller)) { options.applyTo(this) }, caller) }

    /** Returns what the storage can do. */
    public fun capabilities(): CompletableFuture<Capabilities> = caller.ask { database.capabilities() }

    /**
     * Stops this database's running calls: they fail with
     * [io.github.ubiqlite.UbiqliteException.Cancelled].
     */
    public fun interrupt() {
        database.interrupt()
    }

    /**
     * Waits for every accepted call, then closes. Transactions, sessions, snapshots and
     * streams that are still open have the busy timeout to end; then they are rolled back.
     * Watches end at once.
     * Later calls fail with [io.github.ubiqlite.UbiqliteException.Closed]; closing again does
     * nothing. If the future is cancelled, closing continues.
     */
    public fun close(): CompletableFuture<Void?> = caller.tell { database.close() }

    public companion object {
        /**
         * Opens a database: with a write-ahead log, foreign keys and durable commits,
         * unless [options] say otherwise.
         *
         * @param path of the file, which is created if it is missing; `":memory:"` for none
         * @throws io.github.ubiqlite.UbiqliteException in the future: `CannotOpen`, `NotADatabase`, `Corrupt`, `Busy`;
         * `InvalidArgument` for options that can't be used; `Unsupported` if there is no native library for this system.
         * With [migrations][UbiqliteOptions.Builder.migrations] what [Migrator.run] fails with, such as `SchemaTooNew` if a
         * newer program has applied migrations that are not among them
         */
        @JvmStatic
        @JvmOverloads
        public fun open(
            path: String,
            options: UbiqliteOptions = UbiqliteOptions.builder().build(),
        ): CompletableFuture<UbiqliteDatabase> {
            val caller = Caller(options.executor)
            return caller.ask { UbiqliteDatabase(Database.open(path) { options.applyTo(this) }, caller) }
        }

        /**
         * Opens a database in memory with the content of these bytes, which are those of a database file.
         *
         * ```java
         * db.serialize().thenCompose(UbiqliteDatabase::deserialize).thenCompose(copy -> copy.table("items").count());
         * ```
         * @param options as of [open]; migrations are applied to the content
         * @throws io.github.ubiqlite.UbiqliteException in the future: `NotADatabase` and `Corrupt`; `InvalidArgument` for
         * texts in another encoding than UTF-8; those of [open]
         */
        @JvmStatic
        @JvmOverloads
        public fun deserialize(
            bytes: ByteArray,
            options: UbiqliteOptions = UbiqliteOptions.builder().build(),
        ): CompletableFuture<UbiqliteDatabase> {
            val caller = Caller(options.executor)
            return caller.ask { UbiqliteDatabase(Database.deserialize(bytes) { options.applyTo(this) }, caller) }
        }

        /**
         * Writes all that can be read of the damaged database file [from] into the new database file [to]: as
         * the other [recover], of a file that need not be open, and perhaps can't be opened.
         *
         * ```java
         * UbiqliteDatabase.recover("damaged.db", "saved.db").thenAccept(saved -> System.out.println(saved.getTables()));
         * ```
         * @throws io.github.ubiqlite.UbiqliteException in the future: `CannotOpen` if [from] does not exist, or [to] can't be
         * created; `InvalidArgument` if [to] exists; `NotADatabase` if nothing in the file is of a database
         */
        @JvmStatic
        public fun recover(from: String, to: String): CompletableFuture<Recovered> =
            Caller(UbiqliteOptions.builder().build().executor).ask { Database.recover(from, to) }

        /**
         * Makes the database of a moment of the replica in the folder [from], in the new file [to], which gets its
         * name when it is complete. Returns the number of its last transaction.
         *
         * ```java
         * UbiqliteDatabase.restoreReplica("backup", "before.db", ReplicaMoment.time(Instant.now().minus(Duration.ofHours(1))));
         * ```
         * @throws io.github.ubiqlite.UbiqliteException in the future: `NotFound` if there is no replica, no such moment of
         * it, or a file is missing; `Corrupt` for a damaged file, which the message names; `InvalidArgument` if [to] exists
         */
        @JvmStatic
        @JvmOverloads
        public fun restoreReplica(
            from: String,
            to: String,
            moment: ReplicaMoment = ReplicaMoment.LATEST,
        ): CompletableFuture<Long> =
            Caller(UbiqliteOptions.builder().build().executor).ask { Database.restoreReplica(from, to, moment) }

        /** As the other [restoreReplica], from a storage of the program's own, whose failures are `Io`. */
        @JvmStatic
        @JvmOverloads
        public fun restoreReplica(
            from: ReplicaStorage,
            to: String,
            moment: ReplicaMoment = ReplicaMoment.LATEST,
        ): CompletableFuture<Long> {
            val caller = Caller(UbiqliteOptions.builder().build().executor)
            return caller.ask { Database.restoreReplica(JavaStorage(from, caller), to, moment) }
        }
    }
}
