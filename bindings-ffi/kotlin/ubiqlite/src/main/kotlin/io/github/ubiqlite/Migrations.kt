package io.github.ubiqlite

import io.github.ubiqlite.internal.filesOf
import io.github.ubiqlite.internal.millis
import io.github.ubiqlite.internal.resourcesOf
import java.nio.file.Path
import java.util.Collections
import kotlin.time.Duration
import kotlin.time.toKotlinDuration

/**
 * The migrations of a database: SQL files, each with a number. They run in the order of their
 * numbers, each once, in a transaction of its own.
 *
 * Given to [DatabaseOptions.migrations] they run when the database is opened; [Database.migrations]
 * runs and inspects them by call.
 *
 * ```kotlin
 * val db = Database.open("app.db") { migrations(Migrations.resources("migrations")) }
 * ```
 * | name | what it is |
 * |---|---|
 * | `0001_items.sql`, `0001_items.up.sql`, `V1__items.sql` | a migration: its number, of any number of digits, and its name |
 * | `0001_items.down.sql` | how to undo it |
 * | `20240101120000_items/migration.sql` | a migration of a folder that drizzle-kit makes |
 * | `meta/_journal.json` | the order of the files of an older folder of drizzle-kit |
 * | `schema.sql`, and what is not SQL | passed over |
 *
 * Comments before the first statement can say how a file is to run:
 *
 * | header | what it does |
 * |---|---|
 * | `-- alone` | runs outside a transaction, for `VACUUM` and the like: `PRAGMA`s and one statement |
 * | `-- replaces: 1-40` | stands for these migrations: it runs on a new database, and is noted as done where they are done |
 * | `-- breaks: older` | programs that lack this migration can't use the database any more, even with [allowNewer] |
 * | `-- rebuild: items` | the file's `CREATE TABLE items` gives the existing table this new form, and keeps its rows, indexes and triggers, and whatever refers to it |
 *
 * Nothing here changes: each option returns another object. What is wrong with a file is told when
 * the migrations are used.
 */
public class Migrations private constructor(
    /** The names and texts of the files. */
    internal val files: List<Pair<String, String>>,
    internal val allowsNewer: Boolean = false,
    internal val acceptsEdited: Boolean = false,
    /** The lock timeout in milliseconds; negative: the default. */
    internal val patience: Long = -1,
) {
    /**
     * Returns the same with another setting of whether to go on with a database that has migrations
     * which these files lack: a newer program has made them. One whose file says `-- breaks: older` is
     * refused all the same. Default: false, the error is [UbiqliteException.SchemaTooNew].
     */
    @JvmOverloads
    public fun allowNewer(allow: Boolean = true): Migrations = Migrations(files, allow, acceptsEdited, patience)

    /**
     * Returns the same with another setting of whether a file that was changed after it was applied
     * counts as applied, as it is now. Default: false, that is [UbiqliteException.InvalidArgument],
     * which names the file and the line.
     */
    @JvmOverloads
    public fun acceptEdited(accept: Boolean = true): Migrations = Migrations(files, allowsNewer, accept, patience)

    /**
     * Returns the same with another limit of how long to wait while somebody else holds the write lock,
     * perhaps to apply the same migrations; then [UbiqliteException.Busy]. The time counts anew
     * whenever another migration is done. Default: 10 minutes.
     *
     * @throws UbiqliteException.InvalidArgument if it is negative
     */
    @JvmSynthetic
    public fun lockTimeout(timeout: Duration): Migrations = Migrations(files, allowsNewer, acceptsEdited, millis(timeout))

    /** Like the other [lockTimeout], with Java's durations. */
    public fun lockTimeout(timeout: java.time.Duration): Migrations = lockTimeout(timeout.toKotlinDuration())

    /** Returns the names of the files, for human readers. */
    override fun toString(): String = "Migrations(${files.map { it.first }})"

    public companion object {
        private fun with(files: List<Pair<String, String>>) = Migrations(Collections.unmodifiableList(files))

        /**
         * Returns the migrations with these names and texts, in any order. A name may be a path, of which
         * the last parts count.
         *
         * ```kotlin
         * val migrations = Migrations.of(
         *     "0001_items.sql" to "CREATE TABLE items (id INTEGER PRIMARY KEY)",
         *     "0001_items.down.sql" to "DROP TABLE items",
         * )
         * ```
         */
        public fun of(vararg files: Pair<String, String>): Migrations = with(files.toList())

        /** Like the other [of], with the texts by their names. */
        @JvmStatic
        public fun of(files: Map<String, String>): Migrations = with(files.toList())

        /**
         * Reads the migrations of a folder: its files now, on this thread. The folder may be in any file
         * system, such as that of a zip file. Folders in it are passed over, except those of drizzle-kit.
         *
         * ```kotlin
         * val migrations = Migrations.folder(Path.of("migrations"))
         * ```
         * @throws UbiqliteException `CannotOpen` or `Io` if the folder or a file can't be read; `InvalidArgument` for a
         * file that is not UTF-8
         */
        @JvmStatic
        public fun folder(path: Path): Migrations = with(filesOf(path))

        /**
         * Reads the migrations of a folder among the resources of the program: its files now, on this
         * thread. They may be in folders and in jars, also in a jar inside another if the class loader's
         * URLs can list that. If several of them have the folder, its files are put together; of two with
         * one name, the first on the class path counts. Jars that have no entries for folders are searched
         * if nothing else has the folder.
         *
         * ```kotlin
         * // src/main/resources/migrations/0001_items.sql
         * val migrations = Migrations.resources("migrations")
         * ```
         * @param folder with `/` between its parts
         * @param loader of the resources; null: the context class loader of this thread, or else the one of this library
         * @throws UbiqliteException `CannotOpen` if there is no such folder; `Io` if it can't be read; `InvalidArgument` for
         * a file that is not UTF-8; `Unsupported` if the loader keeps resources where they can't be listed
         */
        @JvmStatic
        @JvmOverloads
        public fun resources(folder: String, loader: ClassLoader? = null): Migrations = with(resourcesOf(folder, loader))
    }
}
