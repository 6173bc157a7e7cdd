package io.github.ubiqlite

import java.io.File
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Copies of a database, into files and as bytes. `RestoreTest` has the way back. */
class BackupTest {
    private fun withAccounts(
        options: DatabaseOptions.() -> Unit = {},
        accounts: Int = 2000,
        test: suspend CoroutineScope.(Database, String) -> Unit,
    ) = withDatabase(options) { db ->
        db.fill(accounts)
        withTimeout(120.seconds) { test(db, db.path.replace("app.db", "copy.db")) }
    }

    private suspend fun Database.balances(): List<List<Any?>> = query("SELECT id, balance, hex(note) FROM accounts ORDER BY id").map { row ->
        listOf(row.long(0), row.long(1), row.string(2))
    }

    private fun balancesIn(path: String): List<List<Any?>> = plain(path) { copy ->
        assertEquals(listOf(listOf<Any?>("ok")), copy.rows("PRAGMA integrity_check"))
        copy.rows("SELECT id, balance, hex(note) FROM accounts ORDER BY id").map { (id, balance, note) ->
            listOf((id as Number).toLong(), (balance as Number).toLong(), note)
        }
    }

    @Test
    fun `a copy under writes is one moment after its beginning, and one at rest equals the source`() =
        withAccounts(options = { synchronous = Synchronous.NORMAL }) { db, path ->
            db.move(0)
            val writer = launch {
                var number = 1
                while (isActive) db.move(number++)
            }
            repeat(3) {
                val before = db.table("log").count()
                db.backup(path, overwrite = true)
                val after = db.table("log").count()
                plain(path) { copy ->
                    assertEquals(listOf(listOf<Any?>("ok")), copy.rows("PRAGMA integrity_check"))
                    assertEquals(200_000L, copy.number("SELECT sum(balance) FROM accounts"))
                    val moves = copy.number("SELECT count(*) FROM log")
                    assertTrue(moves in before..after, "$moves of $before to $after")
                    assertEquals(moves, copy.number("SELECT max(id) FROM log"))
                }
            }
            writer.cancelAndJoin()
            db.backup(path, overwrite = true)
            assertEquals(db.balances(), balancesIn(path))
        }

    @Test
    fun `progress ends with all pages`() = withAccounts { db, path ->
        val news = ArrayList<BackupProgress>()
        db.backup(path) { news.add(it) }
        val pages = File(path).length() / 4096
        assertEquals(BackupProgress(pages, pages), news.last())
        assertTrue(news.all { it.done <= it.total } && news.distinct() == news, "$news")

        db.execute("DELETE FROM accounts WHERE id > 100")
        val compact = path.replace("copy", "compact")
        db.backup(compact, compact = true) { news.add(it) }
        assertTrue(File(compact).length() / 4096 < pages / 2, "${File(compact).length()} bytes")
        assertEquals(File(compact).length() / 4096, news.last().done)
        assertEquals(news.last().total, news.last().done)
        assertEquals(db.balances(), balancesIn(compact))
    }

    @Test
    fun `a place where the copy can't be is refused, and nothing is left there`() = withAccounts { db, path ->
        File(path).writeText("mine")
        val exists = assertFailsWith<UbiqliteException.InvalidArgument> { db.backup(path) }
        assertTrue("copy.db" in exists.message!!, exists.message)
        assertEquals("mine", File(path).readText())
        assertFailsWith<UbiqliteException.InvalidArgument> { db.backup(db.path, overwrite = true) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.backup(db.path + "-wal", overwrite = true) }
        assertFailsWith<UbiqliteException.CannotOpen> { db.backup("$path-folder/copy.db") }
        for (wrong in listOf("", "$path\u0000", "$path\uD83D")) {
            assertFailsWith<UbiqliteException> { db.backup(wrong) }
        }
        assertEquals(listOf("copy.db"), filesBeside(db.path))
        db.backup(path, overwrite = true)
        assertEquals(db.balances(), balancesIn(path))
        db.close()
        assertFailsWith<UbiqliteException.Closed> { db.backup(path, overwrite = true) }
    }

    @Test
    fun `a copy that is cancelled while it is made leaves no file`() =
        withAccounts({ busyTimeout = 120.seconds; synchronous = Synchronous.NORMAL }, accounts = 60_000) { db, path ->
            val begun = CompletableDeferred<Transaction>()
            val copying = launch {
                // The copy waits for a transaction, so that it can't be complete too early.
                db.backup(path) { if (!begun.isCompleted) begun.complete(db.begin()) }
            }
            val tx = begun.await()
            assertEquals(listOf("copy.db.part"), filesBeside(db.path))
            copying.cancelAndJoin()
            assertTrue(copying.isCancelled)
            tx.rollback()
            hasBeside(db.path)
            // Nothing holds the place or the writer.
            db.move(1)
            db.backup(path)
            assertEquals(listOf("copy.db"), filesBeside(db.path))
        }

    @Test
    fun `an error of the program's in progress is what backup throws, and ends the copy`() =
        withAccounts({ busyTimeout = 120.seconds; synchronous = Synchronous.NORMAL }, accounts = 60_000) { db, path ->
            val mine = IllegalStateException("enough")
            var held: Transaction? = null
            val thrown = assertFailsWith<IllegalStateException> {
                db.backup(path) {
                    held = db.begin()
                    throw mine
                }
            }
            assertSame(mine, thrown)
            held!!.rollback()
            hasBeside(db.path)
        }

    @Test
    fun `a copy that takes longer than its limit leaves nothing`() = withAccounts { db, path ->
        val held = db.begin()
        assertFailsWith<UbiqliteException.Timeout> { db.timeout(Duration.ZERO).backup(path) }
        assertFailsWith<UbiqliteException.Timeout> { db.timeout(Duration.ZERO).backupStream().toList() }
        held.rollback()
        hasBeside(db.path)
    }

    @Test
    fun `a copy inside a transaction has what was committed before`() = withAccounts({ busyTimeout = 50.milliseconds }) { db, path ->
        db.transaction { tx ->
            tx.execute("UPDATE accounts SET balance = 0")
            db.backup(path)
        }
        assertEquals(200_000L, plain(path) { it.number("SELECT sum(balance) FROM accounts") })
    }

    @Test
    fun `the streamed bytes are a database, and each collection is a copy of its own`() = withAccounts { db, path ->
        val stream = db.backupStream()
        for (moves in 0..1) {
            File(path).outputStream().use { out -> stream.collect { out.write(it) } }
            assertEquals(db.balances(), balancesIn(path))
            assertEquals(moves.toLong(), plain(path) { it.number("SELECT count(*) FROM log") })
            db.move(1)
        }
        db.execute("DELETE FROM accounts WHERE id > 100")
        val compact = db.backupStream(compact = true).toList().sumOf { it.size }
        assertTrue(compact < File(path).length() / 2, "$compact bytes")
        assertEquals(listOf("copy.db"), filesBeside(db.path))
    }

    @Test
    fun `a stream that is left leaves nothing, and a slow one has its moment`() = withAccounts { db, path ->
        repeat(5) { assertTrue(db.backupStream().first().isNotEmpty()) }
        hasBeside(db.path)
        File(path).outputStream().use { out ->
            db.backupStream().collect {
                // What is emitted was copied before.
                db.execute("UPDATE accounts SET balance = 0")
                out.write(it)
            }
        }
        assertEquals(200_000L, plain(path) { it.number("SELECT sum(balance) FROM accounts") })
        // With a copy under way, it can be closed: that comes first, or the copy does.
        val under = async { runCatching { db.backupStream().toList() } }
        db.close()
        under.await().exceptionOrNull()?.let { if (it !is UbiqliteException.Closed) throw it }
        assertFailsWith<UbiqliteException.Closed> { db.backupStream().toList() }
        hasBeside(db.path, "copy.db")
    }

    @Test
    fun `a database in memory is copied into a file, and its bytes are opened again`() = inFolder { path ->
        val migrations = Migrations.of("1.sql" to "ALTER TABLE accounts ADD COLUMN color")
        Database.open(":memory:").use { db ->
            db.fill()
            db.backup(path)
            assertEquals(db.balances(), balancesIn(path))
            val bytes = db.serialize()
            assertEquals(File(path).length(), bytes.size.toLong())
            Database.deserialize(bytes) { migrations(migrations) }.use { copy ->
                assertEquals(db.balances(), copy.balances())
                copy.execute("UPDATE accounts SET color = 'red', balance = 0")
                assertFalse(bytes.contentEquals(copy.serialize()))
            }
            assertArrayEquals(bytes, db.serialize())
            assertTrue(db.capabilities().backups)
        }
        for (wrong in listOf(ByteArray(0), ByteArray(8192), "garbage".toByteArray())) {
            assertFailsWith<UbiqliteException.NotADatabase> { Database.deserialize(wrong) }
        }
    }
}
