package io.github.ubiqlite

import io.github.ubiqlite.internal.CallTarget
import io.github.ubiqlite.internal.Migrating
import java.time.Instant
import kotlin.time.Duration
import kotlin.time.toJavaDuration

/**
 * The migrations of one database, from [Database.migrations]: what is applied, what is to be done,
 * and doing it.
 *
 * Several programs and coroutines can do it at the same time: one applies a migration, and the
 * others wait and then find it done.
 *
 * ```kotlin
 * val migrator = db.migrations(
 *     Migrations.of(
 *         "1_items.sql" to "CREATE TABLE items (id INTEGER PRIMARY KEY)",
 *         "2_names.sql" to "ALTER TABLE items ADD COLUMN name TEXT",
 *         "2_names.down.sql" to "ALTER TABLE items DROP COLUMN name",
 *     ),
 * )
 * migrator.pending().map { it.name }     // [1_items, 2_names]
 * migrator.run()
 * migrator.to(1)[0].name                 // 2_names
 * migrator.applied().size                // 1
 * ```
 */
public class Migrator internal constructor(target: CallTarget, migrations: Migrations) {
    private val migrating = Migrating(target, migrations)

    /**
     * Returns what [run] would do, in this order. Nothing runs, and nothing is changed.
     *
     * @throws UbiqliteException `SchemaTooNew` and `InvalidArgument` as [run]
     */
    public suspend fun pending(): List<MigrationStep> = migrating.pending()

    /**
     * Returns the migrations that the database has, in the order of their numbers.
     *
     * @throws UbiqliteException as any query; `InvalidArgument` for files that can't be migrations
     */
    public suspend fun applied(): List<AppliedMigration> = migrating.applied()

    /**
     * Compares the schema with what the last migration has left, and returns the differences: what
     * somebody has changed by hand. Empty if there are none, and if nothing was applied.
     *
     * ```kotlin
     * for (drift in migrator.verify()) println("${drift.schemaObject}: ${drift.kind} ${drift.details}")
     * ```
     * @throws UbiqliteException as [applied]
     */
    public suspend fun verify(): List<Drift> = migrating.verify()

    /**
     * Applies all of the migrations to a new database in memory, undoes those that can be undone, and
     * applies them again. Returns what is not as it was the first time, and what differs from
     * `schema.sql`, if that is among the files. Tests of programs call it. This database is neither read
     * nor changed.
     *
     * ```kotlin
     * assertEquals(emptyList(), db.migrations(Migrations.resources("migrations")).rehearse())
     * ```
     * @throws UbiqliteException as [run] and [to], and those of the SQL in `schema.sql`
     */
    public suspend fun rehearse(): List<Drift> = migrating.rehearse()

    /**
     * Applies what is not applied yet, each migration in a transaction of its own, with its place in the
     * ledger: a program that is killed has applied the first so many of them. Returns what was done.
     *
     * Foreign keys are off around each transaction, and checked before it is committed. If the coroutine
     * is cancelled, the migration that is under way is undone, or done; those before it stay applied.
     *
     * ```kotlin
     * for (step in migrator.run()) println("${step.name} took ${step.took}")
     * ```
     * @throws UbiqliteException those of the SQL, with the migration's name and the line: nothing of that migration is
     * done then, and those before it stay applied. `ForeignKeyViolation` with the table if a row is left without its
     * parent; `SchemaTooNew` if the database has migrations that are not among the files; `InvalidArgument` for a file
     * that was changed after it was applied, or can't be a migration; `Busy` if the write lock was held for the
     * [lock timeout][Migrations.lockTimeout]
     */
    public suspend fun run(): List<MigrationStep> = migrating.run()

    /**
     * Does what [run] would do in one transaction that is rolled back at the end, and returns what was
     * done. A migration with the header `-- alone` can't run in one: it is in the list, and has taken no
     * time.
     *
     * @throws UbiqliteException as [run]: what that would meet
     */
    public suspend fun dryRun(): List<MigrationStep> = migrating.dryRun()

    /**
     * Undoes the migrations with a greater number, the last one first, and applies those up to this
     * number that are missing. Each is undone by the `.down.sql` that it was applied with, which the
     * ledger has: a program that lacks the file can do it. `to(0)` undoes all.
     *
     * @throws UbiqliteException as [run]; `InvalidArgument` if the number is negative, or if one of them can't be undone,
     * because there was no `.down.sql`: then nothing is done
     */
    public suspend fun to(number: Long): List<MigrationStep> = migrating.to(number)
}

/**
 * One step of what is to be done with a database, or was done: see [Migrator.run].
 *
 * @property number the migration's number
 * @property name its file's name, without the ending: `0001_items`
 * @property action what is done
 * @property alone it has the header `-- alone`
 * @property took how long its statements have run; `null` if none did: it is only planned, it was only noted, or it runs
 * alone and this is a dry run
 */
public data class MigrationStep(
    val number: Long,
    val name: String,
    val action: Action,
    val alone: Boolean,
    @get:JvmSynthetic
    val took: Duration?,
) {
    /** Returns [took] as Java has it. */
    @JvmName("getTook")
    public fun tookAsJava(): java.time.Duration? = took?.toJavaDuration()

    /** What is done with a migration. */
    public enum class Action {
        /** It is applied. */
        APPLY,

        /** It is undone. */
        REVERT,

        /** It is noted as done: what it replaces is done, or another tool's ledger has it. */
        NOTE,

        /** Its file was changed, and counts as applied as it is now. */
        ACCEPT_EDIT,
    }
}

/**
 * A migration that a database has: see [Migrator.applied].
 *
 * @property number its number
 * @property name the name that its file had when it was applied, without the ending
 * @property appliedAt when; `null` if it runs alone, was begun, and it is not known whether it was done: the next run
 * does it again
 * @property took how long its statements ran; `null` if it was noted as done
 * @property breaksOlder it says `-- breaks: older`
 * @property reversible it can be undone: its `.down.sql` is in the ledger
 * @property known it is among this program's files
 */
public data class AppliedMigration(
    val number: Long,
    val name: String,
    val appliedAt: Instant?,
    @get:JvmSynthetic
    val took: Duration?,
    val breaksOlder: Boolean,
    val reversible: Boolean,
    val known: Boolean,
) {
    /** Returns [took] as Java has it. */
    @JvmName("getTook")
    public fun tookAsJava(): java.time.Duration? = took?.toJavaDuration()
}

/**
 * An object of the schema that is not as the last migration has left it: see [Migrator.verify].
 *
 * @property schemaObject the object: `table items`, `index items_by_name`
 * @property kind what happened to it
 * @property details the differences in words, for an object that was changed
 */
public data class Drift(val schemaObject: String, val kind: Kind, val details: List<String>) {
    /** What happened to an object of the schema. */
    public enum class Kind {
        /** It is gone. */
        MISSING,

        /** No migration has made it. */
        ADDED,

        /** It is another. */
        CHANGED,
    }
}
