package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.ErrorKind
import io.github.ubiqlite.Row
import io.github.ubiqlite.Statement
import io.github.ubiqlite.Transfer
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about errors. */
class ErrorsGuideTest {
    private fun fresh(test: suspend CoroutineScope.(Database) -> Unit) = runBlocking(Dispatchers.Default) {
        Database.open(":memory:") { busyTimeout = 50.milliseconds }.use { db ->
            db.batch(SCHEMA)
            test(db)
        }
    }

    // #region kinds
    suspend fun register(db: Database, email: String): Boolean =
        try {
            db.table("users").insert("email" to email)
            true
        } catch (_: UbiqliteException.UniqueViolation) {
            false
        }
    // #endregion kinds

    @Test
    fun `a kind is matched`() = fresh { db ->
        assertTrue(register(db, "bob@example.org"))
        assertFalse(register(db, "ann@example.org"))
        db.close()
        assertFailsWith<UbiqliteException.Closed> { register(db, "eve@example.org") }
    }

    // #region details
    suspend fun invite(db: Database, emails: List<String>) {
        val sql = "INSERT INTO users (email) VALUES (?)"
        try {
            db.batch(emails.map { Statement(sql, it) })
        } catch (error: UbiqliteException) {
            println("${error.kind}: ${error.message}")
            println("statement ${error.index} of the batch, code ${error.code}")
            println("table ${error.table}, columns ${error.columns}")
            throw error
        }
    }
    // #endregion details

    @Test
    fun `an error has details`() = fresh { db ->
        val caught = assertFailsWith<UbiqliteException> { invite(db, listOf("bob@example.org", "ann@example.org")) }
        assertEquals(ErrorKind.UniqueViolation, caught.kind)
        assertEquals(1, caught.index)
        assertEquals("users", caught.table)
        assertEquals(listOf("email"), caught.columns)
        assertEquals(2067, caught.code)
        assertEquals(1, db.table("users").count(), "nothing of the batch is kept")
    }

    // #region offset
    suspend fun ask(db: Database, sql: String): List<Row> =
        try {
            db.query(sql)
        } catch (error: UbiqliteException) {
            error.offset?.let { offset -> // in bytes of UTF-8
                println("${error.message}, here: ${sql.encodeToByteArray().decodeToString(offset)}")
            }
            throw error
        }
    // #endregion offset

    @Test
    fun `an error names the place in the SQL`() = fresh { db ->
        val sql = "SELECT name, prise FROM items"
        val caught = assertFailsWith<UbiqliteException.NoSuchColumn> { ask(db, sql) }
        assertEquals(listOf("prise"), caught.columns)
        assertEquals("prise FROM items", sql.substring(caught.offset ?: 0))
    }

    // #region outcome
    enum class Payment { DONE, NO_SUCH_ACCOUNT, OVERDRAWN }

    suspend fun pay(db: Database, from: Long, to: Long, amount: Long): Payment =
        try {
            db.table("accounts").transfer("balance", listOf(Transfer(from, to, amount)))
            Payment.DONE
        } catch (error: UbiqliteException) {
            when (error) {
                is UbiqliteException.NotFound -> Payment.NO_SUCH_ACCOUNT
                is UbiqliteException.CheckViolation -> Payment.OVERDRAWN
                else -> throw error
            }
        }
    // #endregion outcome

    @Test
    fun `an expected outcome is no failure`() = fresh { db ->
        assertEquals(Payment.DONE, pay(db, 1, 2, 30))
        assertEquals(Payment.NO_SUCH_ACCOUNT, pay(db, 1, 99, 30))
        assertEquals(Payment.OVERDRAWN, pay(db, 1, 2, 1000))
        assertEquals(150L, db.queryValue<Long>("SELECT sum(balance) FROM accounts"))
        val refused: UbiqliteException =
            assertFailsWith<UbiqliteException.CheckViolation> { db.execute("INSERT INTO accounts VALUES (3, -1)") }
        assertTrue(refused is UbiqliteException.Constraint)
        assertEquals(emptyList<String>(), refused.columns)
        assertTrue("balance >= 0" in refused.message.orEmpty())
        // A statement that is refused inside a transaction is undone alone.
        db.transaction { tx ->
            tx.execute("INSERT INTO accounts VALUES (3, 0)")
            assertFailsWith<UbiqliteException.CheckViolation> { tx.execute("INSERT INTO accounts VALUES (4, 0), (5, -1)") }
            tx.execute("INSERT INTO accounts VALUES (6, 0)")
        }
        assertEquals(listOf(1L, 2L, 3L, 6L), db.query("SELECT id FROM accounts ORDER BY id").map { it.long(0) })
    }

    @Test
    fun `a transaction that SQLite ended does nothing more`() = fresh { db ->
        val tx = db.begin()
        assertFailsWith<UbiqliteException.UniqueViolation> {
            tx.execute("INSERT OR ROLLBACK INTO users (email) VALUES ('ann@example.org')")
        }
        assertFailsWith<UbiqliteException.Cancelled> { tx.execute("DELETE FROM users") }
        assertFailsWith<UbiqliteException.Cancelled> { tx.commit() }
        assertEquals(1, db.table("users").count())
    }

    // #region busy
    suspend fun <T> retried(call: suspend () -> T): T {
        for (pause in listOf(50, 100, 200)) {
            try {
                return call()
            } catch (_: UbiqliteException.Busy) {
                delay(pause.milliseconds)
            }
        }
        return call()
    }
    // #endregion busy

    @Test
    fun `a busy call can be repeated`() = fresh { db ->
        val holder = db.begin()
        var tries = 0
        val done = async {
            retried {
                tries += 1
                db.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
            }
        }
        delay(120.milliseconds)
        holder.rollback()
        assertEquals(1, done.await().rowsChanged)
        assertTrue(tries > 1, "$tries")
        assertEquals(101L, db.queryValue<Long>("SELECT balance FROM accounts WHERE id = 1"))
    }

    // #region unknown
    suspend fun place(db: Database, order: String, item: Long) {
        // The caller chose the key: to do it twice is to do it once.
        val sql = "INSERT INTO orders (id, item_id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
        try {
            db.execute(sql, order, item)
        } catch (_: UbiqliteException.OutcomeUnknown) {
            db.execute(sql, order, item)
        }
    }
    // #endregion unknown

    @Test
    fun `a write with a key of its own can be repeated`() = fresh { db ->
        repeat(2) { place(db, "7f2c", 1) }
        assertEquals(1, db.table("orders").count())
    }

    private companion object {
        const val SCHEMA = """
            CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
            CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER);
            CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
            CREATE TABLE orders (id TEXT PRIMARY KEY, item_id INTEGER NOT NULL);
            INSERT INTO users (email) VALUES ('ann@example.org');
            INSERT INTO accounts VALUES (1, 100), (2, 50);"""
    }
}
