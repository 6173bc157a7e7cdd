package io.github.ubiqlite

import java.io.File
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** A database whose content is replaced. */
class RestoreTest {
    private val sum = "SELECT sum(balance) FROM accounts"

    private fun withAccounts(
        options: DatabaseOptions.() -> Unit = {},
        test: suspend CoroutineScope.(Database, String) -> Unit,
    ) = withDatabase(options) { db ->
        db.fill()
        withTimeout(120.seconds) { test(db, db.path.replace("app.db", "other.db")) }
    }

    private suspend fun Reader.sum(): Long = queryValue(sum)

    /** Makes another database by plain SQLite, with one account of 700. */
    private fun other(path: String, setup: String = "") = plain(path) { it ->
        it.createStatement().use { statement ->
            val sql = "$setup; CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note BLOB, color TEXT);" +
                "INSERT INTO accounts VALUES (1, 700, NULL, 'red')"
            sql.split(';').filter(String::isNotBlank).forEach(statement::execute)
        }
    }

    @Test
    fun `all readers see what is restored, a snapshot does not, and a watch has one result of it`() = withAccounts { db, path ->
        other(path, "PRAGMA page_size = 1024")
        val snapshot = db.snapshot()
        assertEquals(200_000L, snapshot.sum())
        assertEquals(3, db.table("accounts").get(1)!!.size)
        Database.open(db.path).use { elsewhere ->
            val results = db.watch(sum).map { it.rows[0].long(0) }.buffer(Channel.RENDEZVOUS).produceIn(this)
            assertEquals(200_000L, results.receive())
            db.restore(path)
            assertEquals(700L, results.receive())
            assertEquals(listOf(700L, 700L), listOf(db.sum(), elsewhere.sum()))
            assertEquals("red", db.table("accounts").get(1)!!.string("color"))
            assertEquals(200_000L, snapshot.sum())
            snapshot.close()
            // The next result is of the next change, so there was one of the restoring.
            db.execute("UPDATE accounts SET balance = 701")
            assertEquals(701L, results.receive())
            results.cancel()
        }
        // What it was restored from is not changed.
        assertEquals(700L, plain(path) { it.number(sum) })
        db.close()
        assertEquals(701L, plain(db.path) { it.number(sum) })
    }

    @Test
    fun `a backup brings back what was deleted, from its file and from its bytes`() = withAccounts { db, path ->
        db.backup(path)
        val bytes = db.serialize()
        for (restore in listOf<suspend () -> Unit>({ db.restore(path) }, { db.restore(bytes) })) {
            db.batch("DROP TABLE accounts")
            restore()
            assertEquals(200_000L, db.sum())
            db.move(1)
        }
        assertTrue(db.check().isEmpty())
    }

    @Test
    fun `what is no sound database is refused, and nothing is changed`() = withAccounts { db, path ->
        db.execute("UPDATE accounts SET balance = 1 WHERE id = 1")
        val damaged = db.serialize()
        damaged.fill(0x55, damaged.size / 2 / 4096 * 4096, damaged.size / 2 / 4096 * 4096 + 8192)
        val wrong = listOf(ByteArray(0) to "NotADatabase", "garbage".toByteArray() to "NotADatabase", damaged to "Corrupt")
        for ((bytes, kind) in wrong) {
            File(path).writeBytes(bytes)
            for (restore in listOf<suspend () -> Unit>({ db.restore(path) }, { db.restore(bytes) })) {
                val error = assertFailsWith<UbiqliteException> { restore() }
                assertEquals(kind, error::class.simpleName, "${bytes.size} bytes: ${error.message}")
                assertEquals(199_901L, db.sum())
            }
            assertTrue(File(path).readBytes().contentEquals(bytes))
        }
        assertFailsWith<UbiqliteException.CannotOpen> { db.restore("$path-missing") }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.restore(db.path) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.restore("$path\uD83D") }
        File(path).delete()
        other(path, "PRAGMA encoding = 'UTF-16le'")
        assertFailsWith<UbiqliteException.InvalidArgument> { db.restore(path) }
        assertFailsWith<UbiqliteException.InvalidArgument> { Database.deserialize(File(path).readBytes()) }
        assertEquals(199_901L, db.sum())
        assertTrue(db.check().isEmpty())
    }

    @Test
    fun `restoring waits its turn as any write, and a read-only or closed database is not replaced`() =
        withAccounts({ busyTimeout = 50.milliseconds }) { db, path ->
            other(path)
            db.transaction { tx ->
                tx.execute("UPDATE accounts SET balance = 0")
                assertFailsWith<UbiqliteException.Busy> { db.restore(path) }
            }
            assertEquals(0L, db.sum())
            db.restore(path)
            assertEquals(700L, db.sum())
            Database.open(db.path) { readOnly = true }.use { reads ->
                assertFailsWith<UbiqliteException.ReadOnly> { reads.restore(path) }
            }
            db.close()
            assertFailsWith<UbiqliteException.Closed> { db.restore(path) }
            assertFailsWith<UbiqliteException.Closed> { db.serialize() }
        }
}
