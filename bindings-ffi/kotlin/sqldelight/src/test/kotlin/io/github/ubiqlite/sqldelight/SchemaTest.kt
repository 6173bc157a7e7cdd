package io.github.ubiqlite.sqldelight

import app.Shop
import app.cash.sqldelight.async.coroutines.awaitAsList
import app.cash.sqldelight.async.coroutines.awaitAsOne
import app.cash.sqldelight.db.AfterVersion
import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import java.nio.file.Path
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class SchemaTest {
    /** Makes a database as the first version of the program did. */
    private suspend fun versionOne(path: Path) = Database.open(path.toString()).use { db ->
        db.batch(
            """
            CREATE TABLE item (
              id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL NOT NULL DEFAULT 0,
              sold INTEGER NOT NULL DEFAULT 0, picture BLOB
            );
            CREATE INDEX item_price ON item(price);
            INSERT INTO item (name) VALUES ('old');
            PRAGMA user_version = 1;
            """,
        )
    }

    private suspend fun version(path: Path): Long =
        Database.open(path.toString()).use { it.queryValue("PRAGMA user_version") }

    @Test
    fun `a schema is created once`() = inFolder { path ->
        repeat(2) { time ->
            driven(path.toString()) { driver ->
                shop(driver).itemQueries.insert("item $time", 1.0, false, null, null, null)
                assertEquals(time + 1L, shop(driver).itemQueries.sums().awaitAsOne().items)
            }
        }
        running { assertEquals(Shop.Schema.version, version(path)) }
    }

    @Test
    fun `a database of an older program is migrated, with callbacks in between`() = inFolder { path ->
        running {
            versionOne(path)
            val after = AfterVersion(1) { driver ->
                // It can't suspend.
                runBlocking { driver.execute(null, "UPDATE item SET note = 'from version one'", 0).await() }
            }
            val driver = UbiqliteSqlDriver.open(path.toString(), Shop.Schema, after)
            val shop = shop(driver)
            assertEquals("from version one", shop.itemQueries.all().awaitAsOne().note)
            shop.saleQueries.add(1, "2026")
            assertEquals(1, shop.saleQueries.withItem().awaitAsList().size)
            driver.close()
            assertEquals(3, version(path))
        }
    }

    @Test
    fun `a migration that fails has done nothing`() = inFolder { path ->
        running {
            versionOne(path)
            val fails = AfterVersion(2) { error("on purpose") }
            thrown<IllegalStateException> { UbiqliteSqlDriver.open(path.toString(), Shop.Schema, fails) }
            assertEquals(1, version(path))
            Database.open(path.toString()).use { db ->
                thrown<UbiqliteException.NoSuchColumn> { db.query("SELECT note FROM item") }
            }
            UbiqliteSqlDriver.open(path.toString(), Shop.Schema).close()
            assertEquals(3, version(path))
        }
    }

    @Test
    fun `a callback's transaction is part of the migration`() = inFolder { path ->
        running {
            versionOne(path)
            val renames = AfterVersion(2) { driver ->
                runBlocking { shop(driver).transaction { shop(driver).itemQueries.rename("new", 1) } }
            }
            val driver = UbiqliteSqlDriver.open(path.toString(), Shop.Schema, renames)
            assertEquals("new", shop(driver).itemQueries.all().awaitAsOne().name)
            driver.close()
        }
    }

    @Test
    fun `a database of a newer program is refused`() = inFolder { path ->
        running {
            Database.open(path.toString()).use { it.execute("PRAGMA user_version = 4") }
            thrown<IllegalStateException> { UbiqliteSqlDriver.open(path.toString(), Shop.Schema) }
            assertEquals(4, version(path))
        }
    }

    @Test
    fun `of those that start at the same time one migrates`() = inFolder { path ->
        running {
            versionOne(path)
            val times = AtomicInteger()
            withContext(Dispatchers.Default) {
                repeat(8) {
                    launch {
                        UbiqliteSqlDriver.open(path.toString(), Shop.Schema, AfterVersion(1) { times.incrementAndGet() }).close()
                    }
                }
            }
            assertEquals(1, times.get())
            assertEquals(3, version(path))
        }
    }
}
