package io.github.ubiqlite.java

import io.github.ubiqlite.AppliedMigration
import io.github.ubiqlite.Drift
import io.github.ubiqlite.MigrationStep
import java.util.concurrent.CompletableFuture
import io.github.ubiqlite.Migrator as SuspendingMigrator

/**
 * The migrations of one database, from [UbiqliteDatabase.migrations]: what is applied, what is to be
 * done, and doing it.
 *
 * Several programs and threads can do it at the same time: one applies a migration, and the others
 * wait and then find it done.
 *
 * ```java
 * Migrator migrator = db.migrations(Migrations.folder(Path.of("migrations")));
 * migrator.pending().thenCompose(steps -> steps.isEmpty() ? migrator.applied() : migrator.run().thenCompose(done -> migrator.applied()))
 *     .thenAccept(applied -> applied.forEach(it -> System.out.println(it.getName() + " " + it.getAppliedAt())));
 * ```
 */
public class Migrator internal constructor(private val migrator: SuspendingMigrator, private val caller: Caller) {
    /**
     * Returns what [run] would do, in this order. Nothing runs, and nothing is changed.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: `SchemaTooNew` and `InvalidArgument` as [run]
     */
    public fun pending(): CompletableFuture<List<MigrationStep>> = caller.ask { migrator.pending() }

    /**
     * Returns the migrations that the database has, in the order of their numbers.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future, as of any query; `InvalidArgument` for files that can't
     * be migrations
     */
    public fun applied(): CompletableFuture<List<AppliedMigration>> = caller.ask { migrator.applied() }

    /**
     * Compares the schema with what the last migration has left, and returns the differences: what
     * somebody has changed by hand. Empty if there are none, and if nothing was applied.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future, as of [applied]
     */
    public fun verify(): CompletableFuture<List<Drift>> = caller.ask { migrator.verify() }

    /**
     * Applies all of the migrations to a new database in memory, undoes those that can be undone, and
     * applies them again. Returns what is not as it was the first time, and what differs from
     * `schema.sql`, if that is among the files. Tests of programs call it. This database is neither read
     * nor changed.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future, as of [run] and [to], and those of the SQL in
     * `schema.sql`
     */
    public fun rehearse(): CompletableFuture<List<Drift>> = caller.ask { migrator.rehearse() }

    /**
     * Applies what is not applied yet, each migration in a transaction of its own, with its place in the
     * ledger: a program that is killed has applied the first so many of them. Returns what was done. If
     * the future is cancelled, the migration that is under way is undone, or done; those before it stay
     * applied. [io.github.ubiqlite.Migrator.run] has the rules.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: those of the SQL, with the migration's name and the
     * line; `ForeignKeyViolation` if a row is left without its parent; `SchemaTooNew` if the database has migrations that
     * are not among the files; `InvalidArgument` for a file that was changed after it was applied, or can't be a
     * migration; `Busy` if the write lock was held for the [lock timeout][io.github.ubiqlite.Migrations.lockTimeout]
     */
    public fun run(): CompletableFuture<List<MigrationStep>> = caller.ask { migrator.run() }

    /**
     * Does what [run] would do in one transaction that is rolled back at the end, and returns what was
     * done. A migration with the header `-- alone` can't run in one: it is in the list, and has taken no
     * time.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future, as of [run]: what that would meet
     */
    public fun dryRun(): CompletableFuture<List<MigrationStep>> = caller.ask { migrator.dryRun() }

    /**
     * Undoes the migrations with a greater number, the last one first, and applies those up to this
     * number that are missing. `to(0)` undoes all. [io.github.ubiqlite.Migrator.to] has the rules.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future, as of [run]; `InvalidArgument` if the number is
     * negative, or if one of them can't be undone: then nothing is done
     */
    public fun to(number: Long): CompletableFuture<List<MigrationStep>> = caller.ask { migrator.to(number) }
}
