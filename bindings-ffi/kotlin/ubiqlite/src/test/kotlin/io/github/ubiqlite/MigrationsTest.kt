package io.github.ubiqlite

import java.io.File
import java.time.Instant
import kotlin.time.Duration
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Migrations as an option of opening, and by call. `MigrationFilesTest` has where they are read from. */
class MigrationsTest {
    private val items = "0001_items.sql" to "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"
    private val prices = "0002_prices.sql" to "ALTER TABLE items ADD COLUMN price REAL"
    private val noPrices = "0002_prices.down.sql" to "ALTER TABLE items DROP COLUMN price"
    private val two = Migrations.of(items, prices, noPrices)

    private fun List<MigrationStep>.told() = map { "${it.action} ${it.name}" }

    private fun filesBeside(path: String): List<String> = File(path).parentFile.list()!!.sorted()

    @Test
    fun `an opened database has its migrations, and opening it again does nothing`() = inFolder { path ->
        val before = Instant.now().minusMillis(1)
        lateinit var first: List<AppliedMigration>
        repeat(2) { time ->
            Database.open(path) { migrations(two) }.use { db ->
                db.table("items").insert("name" to "lamp", "price" to 20)
                val applied = db.migrations(two).applied()
                if (time == 0) first = applied else assertEquals(first, applied)
            }
        }
        assertEquals(listOf(1L, 2L), first.map { it.number })
        assertEquals(listOf("0001_items", "0002_prices"), first.map { it.name })
        assertEquals(listOf(false, true), first.map { it.reversible })
        for (applied in first) {
            assertTrue(applied.appliedAt!! in before..Instant.now(), "$applied, asked for after $before")
            assertNotNull(applied.took)
            assertTrue(applied.known)
            assertFalse(applied.breaksOlder)
        }
    }

    @Test
    fun `a migration that fails closes the database, and says which line of which file`() = inFolder { path ->
        val wrong = Migrations.of(items, "0002_wrong.sql" to "CREATE TABLE ok (x);\r\nCREATE TABEL no (x);")
        val error = assertFailsWith<UbiqliteException.Syntax> { Database.open(path) { migrations(wrong) } }
        assertTrue("0002_wrong" in error.message!! && "line 2" in error.message!!, error.message)
        assertEquals(listOf("app.db"), filesBeside(path), "its log is still there, so it is open")
        Database.open(path).use { db ->
            assertEquals(listOf("0001_items"), db.migrations(wrong).applied().map { it.name })
            assertEquals(0L, db.queryValue<Long>("SELECT count(*) FROM sqlite_schema WHERE name = 'ok'"))
        }
    }

    @Test
    fun `what is to be done is told, tried, done and undone`() = withDatabase { db ->
        val migrator = db.migrations(two)
        val planned = migrator.pending()
        assertEquals(
            listOf(
                MigrationStep(1, "0001_items", MigrationStep.Action.APPLY, alone = false, took = null),
                MigrationStep(2, "0002_prices", MigrationStep.Action.APPLY, alone = false, took = null),
            ),
            planned,
        )
        val tried = migrator.dryRun()
        assertEquals(planned, tried.map { it.copy(took = null) })
        assertTrue(tried.all { it.took!! >= Duration.ZERO }, "$tried")
        assertEquals(planned, migrator.pending())
        assertEquals(emptyList<AppliedMigration>(), migrator.applied())

        assertEquals(planned, migrator.run().map { it.copy(took = null) })
        assertEquals(emptyList<MigrationStep>(), migrator.run() + migrator.pending())
        assertEquals(listOf("REVERT 0002_prices"), migrator.to(1).told())
        assertEquals(listOf("APPLY 0002_prices"), migrator.pending().told())
        assertEquals(listOf("APPLY 0002_prices"), migrator.to(2).told())

        val refused = assertFailsWith<UbiqliteException.InvalidArgument> { migrator.to(0) }
        assertTrue("0001_items" in refused.message!!, refused.message)
        assertFailsWith<UbiqliteException.InvalidArgument> { migrator.to(-1) }
        assertEquals(2, migrator.applied().size)
        // The way back is in the ledger: a program without the files can go it.
        assertEquals(listOf("REVERT 0002_prices"), db.migrations(Migrations.of(items)).to(1).told())
    }

    @Test
    fun `a step says that it runs alone, that it was only noted, and that an edit was accepted`() = withDatabase { db ->
        val vacuum = "0003_vacuum.sql" to "-- alone\nVACUUM"
        val tried = db.migrations(Migrations.of(items, vacuum)).dryRun()
        assertEquals(listOf(false, true), tried.map { it.alone })
        assertNull(tried[1].took)
        assertNotNull(db.migrations(Migrations.of(items, prices, vacuum)).run().last().took)

        val squash = "0003_all.sql" to "-- replaces: 1-2\nCREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL)"
        val other = Database.open(":memory:") { migrations(two) }
        assertEquals(listOf("NOTE 0003_all"), other.migrations(Migrations.of(squash)).run().told())
        val noted = other.migrations(Migrations.of(squash)).applied().single { it.number == 3L }
        assertNull(noted.took)
        other.close()

        val edited = Migrations.of(items, "0002_prices.sql" to "ALTER TABLE items ADD COLUMN price REAL -- in euros", vacuum)
        val refused = assertFailsWith<UbiqliteException.InvalidArgument> { db.migrations(edited).run() }
        assertTrue("0002_prices" in refused.message!! && "line 1" in refused.message!!, refused.message)
        assertEquals(listOf("ACCEPT_EDIT 0002_prices"), db.migrations(edited.acceptEdited()).run().told())
        assertEquals(emptyList<MigrationStep>(), db.migrations(edited).run())
    }

    @Test
    fun `what was changed by hand is told`() = withDatabase({ migrations(two) }) { db ->
        val migrator = db.migrations(two)
        assertEquals(emptyList<Drift>(), migrator.verify())
        db.batch("ALTER TABLE items ADD COLUMN by_hand TEXT; CREATE INDEX by_name ON items (name)")
        assertEquals(
            listOf(
                Drift("table items", Drift.Kind.CHANGED, listOf("column by_hand: not there before, now TEXT")),
                Drift("index by_name", Drift.Kind.ADDED, emptyList()),
            ).sortedBy { it.schemaObject },
            migrator.verify().sortedBy { it.schemaObject },
        )
        db.batch("DROP TABLE items")
        assertEquals(listOf(Drift("table items", Drift.Kind.MISSING, emptyList())), migrator.verify())
    }

    @Test
    fun `an older program is refused, unless it allows newer migrations and none of them breaks it`() = inFolder { path ->
        val older = Migrations.of(items)
        Database.open(path) { migrations(two) }.close()
        assertFailsWith<UbiqliteException.SchemaTooNew> { Database.open(path) { migrations(older) } }
        assertFailsWith<UbiqliteException.SchemaTooNew> { Database.open(path) { migrations(older.allowNewer().allowNewer(false)) } }
        Database.open(path) { migrations(older.allowNewer()) }.use { db ->
            assertEquals(listOf(true, false), db.migrations(older).applied().map { it.known })
            assertFailsWith<UbiqliteException.SchemaTooNew> { db.migrations(older).pending() }
            assertFailsWith<UbiqliteException.SchemaTooNew> { db.migrations(older).run() }
        }
        val breaks = "0003_rename.sql" to "-- breaks: older\nALTER TABLE items RENAME name TO title"
        val newest = Migrations.of(items, prices, noPrices, breaks)
        Database.open(path) { migrations(newest) }.use { db ->
            assertTrue(db.migrations(newest).applied().last().breaksOlder)
        }
        assertFailsWith<UbiqliteException.SchemaTooNew> { Database.open(path) { migrations(two.allowNewer()) } }
        assertEquals(listOf("app.db"), filesBeside(path))
    }

    @Test
    fun `many that open it at once apply each migration once`() = inFolder { path ->
        val counted = (1..5).map { "$it.sql" to "INSERT INTO done VALUES ($it)" }
        val all = Migrations.of("0.sql" to "CREATE TABLE done (number INTEGER)", *counted.toTypedArray())
        val opened = withTimeout(120.seconds) { List(8) { async { Database.open(path) { migrations(all) } } }.awaitAll() }
        for (db in opened) {
            assertEquals((1L..5L).toList(), db.query("SELECT number FROM done ORDER BY number").map { it.long(0) })
            db.close()
        }
    }

    @Test
    fun `the wait for the write lock has its limit`() = inFolder { path ->
        val other = Database.open(path)
        other.begin().use {
            val impatient = two.lockTimeout(20.milliseconds)
            val busy = assertFailsWith<UbiqliteException.Busy> {
                Database.open(path) {
                    busyTimeout = 5.milliseconds
                    migrations(impatient)
                }
            }
            assertTrue("20ms" in busy.message!!, busy.message)
            // Less than a millisecond is not none, which would be the default of ten minutes.
            val soon = assertFailsWith<UbiqliteException.Busy> {
                Database.open(path) {
                    busyTimeout = 5.milliseconds
                    migrations(two.lockTimeout(java.time.Duration.ofNanos(1)))
                }
            }
            assertTrue("1ms" in soon.message!!, soon.message)
        }
        other.close()
        assertFailsWith<UbiqliteException.InvalidArgument> { two.lockTimeout((-1).microseconds) }
        Database.open(path) { migrations(two.lockTimeout(Duration.INFINITE)) }.close()
        assertEquals(listOf("app.db"), filesBeside(path))
    }

    @Test
    fun `what is cancelled while it waits is given up, and an opening leaves nothing open`() = inFolder { path ->
        val other = Database.open(path)
        val db = Database.open(path)
        other.begin().use {
            val running = async(start = CoroutineStart.UNDISPATCHED) { db.migrations(two).run() }
            val opening = async(start = CoroutineStart.UNDISPATCHED) { Database.open(path) { migrations(two) } }
            for (call in listOf(running, opening)) {
                call.cancelAndJoin()
                assertTrue(call.isCancelled)
            }
        }
        db.close()
        assertEquals(emptyList<AppliedMigration>(), other.migrations(two).applied())
        other.close()
        assertEquals(listOf("app.db"), filesBeside(path))
    }

    @Test
    fun `what can't be a migration is refused with its name, and half a character too`() = withDatabase { db ->
        val unnumbered = assertFailsWith<UbiqliteException.InvalidArgument> { db.migrations(Migrations.of("items.sql" to "")).pending() }
        assertTrue("items.sql" in unnumbered.message!!, unnumbered.message)
        assertFailsWith<UbiqliteException.InvalidArgument> { db.migrations(Migrations.of(mapOf("1.sql" to "SELECT '\uD83D'"))).pending() }
        db.close()
        assertFailsWith<UbiqliteException.Closed> { db.migrations(two).run() }
    }
}
