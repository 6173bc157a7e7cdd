package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Database
import io.r2dbc.pool.ConnectionPool
import io.r2dbc.spi.ConnectionFactories
import io.r2dbc.spi.ConnectionFactoryOptions
import io.r2dbc.spi.NoSuchOptionException
import io.r2dbc.spi.Option
import io.r2dbc.spi.Result
import io.r2dbc.spi.Wrapped
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import reactor.core.publisher.Flux
import reactor.core.publisher.Mono

class UrlTest {
    @Test
    fun `a URL names a file from the working directory, by its whole path, or memory`(@TempDir folder: Path) {
        val relative = Path.of("").toAbsolutePath().relativize(folder.toAbsolutePath()).resolve("a.db")
        factory("/$relative") { factory -> factory.connected { it.run("CREATE TABLE t (x)") } }
        assertTrue(Files.exists(folder.resolve("a.db")))
        factory("/${folder.toAbsolutePath()}/a.db") { factory -> factory.connected { it.run("INSERT INTO t VALUES (1)") } }
        factory("mem:///") { factory ->
            factory.connected { it.run("CREATE TABLE t (x)") }
            // The database belongs to the factory, so all its connections share it.
            assertEquals(listOf(0), factory.connected { it.values("SELECT count(*) FROM t") })
        }
    }

    @Test
    fun `options are those of the database and what can't be used is told before anything is opened`(@TempDir folder: Path) {
        val url = "/${folder.resolve("a.db")}?journalMode=delete&foreignKeys=false&cacheKib=100&lockWaitTimeout=PT0.5S&transactionMode=deferred"
        factory(url) { factory ->
            factory.connected {
                assertEquals("SQLite", it.metadata.databaseProductName)
                assertTrue(it.metadata.databaseVersion.startsWith("3."))
                val settings = listOf("journal_mode", "foreign_keys", "cache_size").map { name -> it.values("PRAGMA $name").single() }
                assertEquals(listOf("delete", 0, -100), settings)
            }
        }
        for (wrong in listOf("readers=many", "foreignKeys=maybe", "lockWaitTimeout=5s", "journalMode=quick", "cacheKib=9999999999")) {
            assertThrows(IllegalArgumentException::class.java, { factory("/${folder.resolve("b.db")}?$wrong") { it.create().get() } }, wrong)
        }
        assertThrows(IllegalArgumentException::class.java) { ConnectionFactories.get("r2dbc:ubiqlite://a.db") }
        assertThrows(IllegalArgumentException::class.java) { ConnectionFactories.get("r2dbc:ubiqlite:ftp:///a.db") }
        assertThrows(NoSuchOptionException::class.java) { ConnectionFactories.get("r2dbc:ubiqlite:///") }
        val typed = ConnectionFactoryOptions.builder()
            .option(ConnectionFactoryOptions.DRIVER, "ubiqlite").option(ConnectionFactoryOptions.DATABASE, "${folder.resolve("b.db")}")
            .option(Option.valueOf("readers"), 2).option(Option.valueOf("foreignKeys"), false)
            .option(ConnectionFactoryOptions.STATEMENT_TIMEOUT, Duration.ofSeconds(3)).build()
        val factory = ConnectionFactories.get(typed) as UbiqliteConnectionFactory
        assertEquals(listOf(0), factory.connected { it.values("PRAGMA foreign_keys") })
        factory.close().get()
        assertFalse(Files.exists(folder.resolve("b.db-wal")))
    }

    @Test
    fun `a pool of connections works side by side`(@TempDir folder: Path) {
        val pool = ConnectionFactories.get("r2dbc:pool:ubiqlite:///${folder.resolve("a.db")}?maxSize=20&validationQuery=SELECT%201") as ConnectionPool
        val using = { sql: String -> Flux.usingWhen(pool.create(), { Flux.from(it.createStatement(sql).execute()).flatMap(Result::getRowsUpdated) }, { it.close() }) }
        using("CREATE TABLE t (x)").all()
        val counts = Flux.range(0, 500).flatMap({ using("INSERT INTO t VALUES ($it)") }, 50).all()
        assertEquals(500L, counts.sum())
        val temporary = Flux.range(0, 100).flatMap({ using("CREATE TEMP TABLE own$it (x)") }, 50).all()
        assertEquals(100, temporary.size)
        val found = Mono.usingWhen(pool.create(), { Mono.from(it.createStatement("SELECT count(DISTINCT x) FROM t").execute()).flatMap { r -> Mono.from(r.map { row, _ -> row.get(0)!! }) } }, { it.close() })
        assertEquals(500, found.block(PATIENCE))
        pool.disposeLater().block(PATIENCE)
        @Suppress("UNCHECKED_CAST")
        (pool as Wrapped<UbiqliteConnectionFactory>).unwrap().close().get()
    }

    @Test
    fun `a factory over a database that is open leaves it open`() = runBlocking {
        Database.open(":memory:").use { db ->
            db.execute("CREATE TABLE t (x)")
            val factory = UbiqliteConnectionFactory.of(db)
            factory.connected { it.run("INSERT INTO t VALUES (1)") }
            factory.close().get()
            assertEquals(1L, db.queryValue<Long>("SELECT count(*) FROM t"))
        }
    }
}
