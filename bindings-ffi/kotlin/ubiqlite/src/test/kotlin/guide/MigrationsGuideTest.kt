package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.Drift
import io.github.ubiqlite.MigrationStep
import io.github.ubiqlite.Migrations
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.inFolder
import io.github.ubiqlite.withDatabase
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about migrations. Its files are those of `docs/examples/rust/migrations`. */
class MigrationsGuideTest {
    @Test
    fun `an opened database is up to date`() = inFolder { path ->
        // #region open
        val db = Database.open(path) {
            migrations(Migrations.resources("migrations")) // src/main/resources/migrations, in the jar
        }
        // #endregion open
        db.execute("INSERT INTO items (name, price) VALUES ('lamp', 20)")
        db.close()

        val folder = Path.of(MigrationsGuideTest::class.java.getResource("/migrations")!!.toURI())
        // #region dir
        val again = Database.open(path) { migrations(Migrations.folder(folder)) }
        // #endregion dir
        assertEquals(1L, again.table("items").count())
        again.close()
    }

    @Test
    fun `migrations can be run by hand`() = withDatabase { db ->
        // #region by_hand
        val migrator = db.migrations(Migrations.resources("migrations"))
        for (step in migrator.pending()) println("${step.name} is to be applied")
        migrator.dryRun() // all of it in a transaction that is rolled back
        val done = migrator.run()
        // #endregion by_hand
        assertEquals(3, done.size)

        db.batch("INSERT INTO items VALUES (1, 'lamp', 20); INSERT INTO parts VALUES (1, 'bulb')")
        // #region to
        val undone = migrator.to(2) // 0003_prices.down.sql, as it was when it was applied
        assertEquals(MigrationStep.Action.REVERT, undone[0].action)
        // #endregion to
        assertEquals(1L, db.table("parts").count())
        migrator.run()

        db.execute("ALTER TABLE parts ADD COLUMN by_hand TEXT")
        // #region verify
        for (drift in migrator.verify()) {
            println("${drift.schemaObject}: ${drift.details}") // table parts: [column by_hand: not there before, now TEXT]
        }
        // #endregion verify
        val drift = migrator.verify().single()
        assertEquals("table parts: [column by_hand: not there before, now TEXT]", "${drift.schemaObject}: ${drift.details}")
    }

    @Test
    fun `they can be tried out in memory`() = inFolder {
        // #region rehearse
        Database.open(":memory:").use { db ->
            assertEquals(emptyList<Drift>(), db.migrations(Migrations.resources("migrations")).rehearse())
        }
        // #endregion rehearse
    }

    @Test
    fun `an older program is told`() = inFolder { path ->
        Database.open(path) { migrations(Migrations.resources("migrations")) }.close()
        val first = MigrationsGuideTest::class.java.getResource("/migrations/0001_items.sql")!!.readText()
        val older = Migrations.of("0001_items.sql" to first)
        // #region too_new
        assertFailsWith<UbiqliteException.SchemaTooNew> {
            Database.open(path) { migrations(older) }
        }
        val db = Database.open(path) { migrations(older.allowNewer()) }
        // #endregion too_new
        db.close()
    }

    @Test
    fun `a migration that fails leaves nothing of itself`() = withDatabase { db ->
        // #region fails
        val migrations = Migrations.of(
            "1_items.sql" to "CREATE TABLE items (id INTEGER PRIMARY KEY);",
            "2_wrong.sql" to "CREATE TABLE half (x);\nINSERT INTO itmes VALUES (1);",
        )
        try {
            db.migrations(migrations).run()
        } catch (error: UbiqliteException.NoSuchTable) {
            println(error.message) // migration 2_wrong: line 2: no such table: itmes
        }
        // #endregion fails
        val error = assertFailsWith<UbiqliteException.NoSuchTable> { db.migrations(migrations).run() }
        assertEquals("migration 2_wrong: line 2: no such table: itmes", error.message)
        assertTrue(db.query("SELECT * FROM sqlite_schema WHERE name = 'half'").isEmpty())
        db.execute("INSERT INTO items VALUES (1)")
    }
}
