package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.DatabaseOptions
import io.github.ubiqlite.Mode
import io.github.ubiqlite.Statement
import io.github.ubiqlite.Transaction
import io.github.ubiqlite.Transfer
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.withDatabase
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CoroutineScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about transactions. */
class TransactionsGuideTest {
    private val schema = """
        CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
        INSERT INTO accounts VALUES (1, 100), (2, 50), (3, 0);
        CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock INTEGER NOT NULL DEFAULT 0);
        INSERT INTO items (name, stock) VALUES ('lamp', 5);
        CREATE TABLE log (message TEXT NOT NULL);
    """

    private fun withSchema(options: DatabaseOptions.() -> Unit = {}, test: suspend CoroutineScope.(Database) -> Unit) =
        withDatabase(options) { db ->
            db.batch(schema)
            test(db)
        }

    private suspend fun messages(db: Database): List<String> =
        db.query("SELECT message FROM log ORDER BY rowid").map { it.string(0) }

    private suspend fun balances(db: Database): List<Long> =
        db.query("SELECT balance FROM accounts ORDER BY id").map { it.long(0) }

    private suspend fun stock(db: Database): Long = db.queryValue("SELECT stock FROM items WHERE id = 1")

    private suspend fun stock(tx: Transaction): Long = tx.queryValue("SELECT stock FROM items WHERE id = 1")

    @Test
    fun `a transaction is committed when its block ends`() = withSchema { db ->
        // #region transaction
        val left = db.transaction { tx ->
            tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", 1)
            tx.execute("INSERT INTO log (message) VALUES (?)", "paid 10")
            tx.queryValue<Long>("SELECT balance FROM accounts WHERE id = ?", 1)
        }
        // #endregion transaction
        assertEquals(90L, left)
        assertEquals(listOf(90L, 50L, 0L), balances(db))
        assertEquals(listOf("paid 10"), messages(db))
    }

    // #region error
    class TooPoor(val left: Long) : Exception("$left would be left")

    suspend fun pay(db: Database, amount: Long): Unit = db.transaction { tx ->
        tx.execute("UPDATE accounts SET balance = balance - ? WHERE id = 1", amount)
        val left = tx.queryValue<Long>("SELECT balance FROM accounts WHERE id = 1")
        if (left < 20) throw TooPoor(left) // rolls back
    }
    // #endregion error

    @Test
    fun `an exception that leaves the block rolls back`() = withSchema { db ->
        pay(db, 30)
        assertEquals(10L, assertFailsWith<TooPoor> { pay(db, 60) }.left)
        assertEquals(listOf(70L, 50L, 0L), balances(db))
    }

    @Test
    fun `an error that the block catches undoes its statement alone`() = withSchema { db ->
        // #region caught
        db.transaction { tx ->
            tx.execute("INSERT INTO log (message) VALUES ('a lamp arrived')")
            try {
                tx.table("items").insert("name" to "lamp", "stock" to 1)
            } catch (_: UbiqliteException.UniqueViolation) {
                tx.execute("UPDATE items SET stock = stock + 1 WHERE name = 'lamp'")
            }
        }
        // #endregion caught
        assertEquals(6L, stock(db))
        assertEquals(listOf("a lamp arrived"), messages(db))
        // Unless the statement itself says that its failure ends the transaction.
        val tx = db.begin()
        assertFailsWith<UbiqliteException.UniqueViolation> {
            tx.execute("INSERT OR ROLLBACK INTO items (name) VALUES ('lamp')")
        }
        assertFailsWith<UbiqliteException.Cancelled> { tx.execute("INSERT INTO log (message) VALUES ('never')") }
        assertFailsWith<UbiqliteException.Cancelled> { tx.commit() }
    }

    @Test
    fun `a deferred foreign key is checked by the commit`() = withSchema { db ->
        db.batch("CREATE TABLE parts (item_id REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED)")
        val tx = db.begin()
        tx.execute("INSERT INTO parts VALUES (99)")
        assertFailsWith<UbiqliteException.ForeignKeyViolation> { tx.commit() }
        assertEquals(0L, db.table("parts").count())
    }

    @Test
    fun `a transaction is begun and committed by hand`() = withSchema { db ->
        // #region handle
        db.begin().use { tx ->
            tx.execute("UPDATE items SET stock = stock - 1 WHERE id = ?", 1)
            tx.execute("INSERT INTO log (message) VALUES ('sold a lamp')")
            tx.commit()
        } // rolls back, unless it was committed
        // #endregion handle
        assertEquals(4L, stock(db))
        db.begin().use { tx -> tx.execute("DELETE FROM items") }
        // It is rolled back before the next write.
        assertEquals(1L, db.execute("UPDATE items SET stock = 9").rowsChanged)
    }

    @Test
    fun `what is refused inside a transaction`() = withSchema({ busyTimeout = 100.milliseconds }) { db ->
        val ended = db.transaction { tx ->
            for (sql in REFUSED) assertFailsWith<UbiqliteException.InvalidArgument> { tx.execute(sql) }
            tx.execute("PRAGMA defer_foreign_keys = ON")
            assertFailsWith<UbiqliteException.Busy> { db.execute("DELETE FROM items") }
            assertFailsWith<UbiqliteException.Busy> { db.begin() }
            tx.execute("UPDATE items SET stock = 0")
            assertEquals(5L, stock(db))
            tx.savepoint {
                assertFailsWith<UbiqliteException.InvalidArgument> { tx.execute("DELETE FROM items") }
            }
            tx
        }
        assertFailsWith<UbiqliteException.Closed> { ended.execute("DELETE FROM items") }
        assertEquals(0L, stock(db))
    }

    @Test
    fun modes() = withSchema({ busyTimeout = 100.milliseconds }) { db ->
        // #region mode
        db.transaction(Mode.DEFERRED) { tx ->
            val stock = tx.queryValue<Long>("SELECT stock FROM items WHERE id = 1")
            if (stock < 10) tx.execute("UPDATE items SET stock = 10 WHERE id = 1")
        }
        // #endregion mode
        assertEquals(10L, stock(db))
        db.transaction(Mode.EXCLUSIVE) { tx -> tx.execute("UPDATE items SET stock = 11") }
        Database.open(db.path).use { other ->
            db.begin(Mode.DEFERRED).use { tx ->
                assertEquals(11L, stock(tx))
                // It has its own database's turn to write, and leaves the file to others.
                assertFailsWith<UbiqliteException.Busy> { db.execute("UPDATE items SET stock = 12") }
                other.execute("UPDATE items SET stock = 13")
                assertEquals(11L, stock(tx))
                assertFailsWith<UbiqliteException.Busy> { tx.execute("UPDATE items SET stock = 14") }
            }
        }
        // In a session it leaves both.
        db.acquire().use { session ->
            session.begin(Mode.DEFERRED).use { tx ->
                assertEquals(13L, stock(tx))
                db.execute("UPDATE items SET stock = 15")
            }
        }
    }

    @Test
    fun `a savepoint is undone alone`() = withSchema { db ->
        // #region savepoint
        db.transaction { tx ->
            for (name in listOf("chair", "lamp", "table")) {
                try {
                    tx.savepoint { sp ->
                        sp.execute("INSERT INTO log (message) VALUES (?)", "added $name")
                        sp.table("items").insert("name" to name)
                    }
                } catch (_: UbiqliteException.UniqueViolation) {
                    tx.execute("INSERT INTO log (message) VALUES (?)", "skipped $name")
                }
            }
        }
        // #endregion savepoint
        assertEquals(listOf("added chair", "skipped lamp", "added table"), messages(db))
        assertEquals(3L, db.table("items").count())
    }

    @Test
    fun `a batch is one transaction`() = withSchema { db ->
        // #region batch
        val done = db.batch(
            listOf(
                Statement("UPDATE items SET stock = stock - ? WHERE id = ?", 2, 1),
                Statement("INSERT INTO log (message) VALUES (?)", "sold two lamps"),
            ),
        )
        // #endregion batch
        assertEquals(listOf(1L, 1L), done.map { it.rowsChanged })
        assertEquals(3L, stock(db))
        val wrong = listOf(Statement("DELETE FROM log"), Statement("INSERT INTO items (name) VALUES ('lamp')"))
        assertEquals(1, assertFailsWith<UbiqliteException.UniqueViolation> { db.batch(wrong) }.index)
        assertEquals(listOf("sold two lamps"), messages(db))
        // #region script
        db.batch(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES items (id));
            CREATE INDEX orders_of_item ON orders (item_id);
            INSERT INTO log (message) VALUES ('orders can be taken');
            """,
        )
        // #endregion script
        assertEquals(0L, db.table("orders").count())
        assertEquals(1, assertFailsWith<UbiqliteException.Syntax> { db.batch("DELETE FROM log; SELEC 1;") }.index)
        assertEquals(2, messages(db).size)
        // A script may have transactions of its own: what they committed stays.
        val own = "BEGIN; DELETE FROM log; COMMIT; INSERT INTO items (name) VALUES ('lamp');"
        val refused = assertFailsWith<UbiqliteException.UniqueViolation> { db.batch(own) }
        assertTrue("stay" in checkNotNull(refused.message))
        assertEquals(listOf<String>(), messages(db))
        val list = listOf(Statement("BEGIN"), Statement("DELETE FROM items"), Statement("COMMIT"))
        assertFailsWith<UbiqliteException.InvalidArgument> { db.batch(list) }
        // Inside a transaction, a batch that fails undoes itself and nothing else.
        db.transaction { tx ->
            tx.execute("INSERT INTO log (message) VALUES ('kept')")
            assertFailsWith<UbiqliteException.UniqueViolation> { tx.batch(wrong) }
        }
        assertEquals(listOf("kept"), messages(db))
    }

    @Test
    fun `a transfer happens whole or not at all`() = withSchema { db ->
        // #region transfer
        db.table("accounts").transfer(
            "balance",
            listOf(Transfer(from = 1, to = 2, amount = 30), Transfer(from = 2, to = 3, amount = 60)),
        )
        // #endregion transfer
        assertEquals(listOf(70L, 20L, 60L), balances(db))
        suspend fun transfer(second: Transfer) =
            db.table("accounts").transfer("balance", listOf(Transfer(1, 2, 10), second))
        assertEquals(1, assertFailsWith<UbiqliteException.NotFound> { transfer(Transfer(1, 99, 10)) }.index)
        assertEquals(1, assertFailsWith<UbiqliteException.CheckViolation> { transfer(Transfer(2, 1, 1000)) }.index)
        assertEquals(1, assertFailsWith<UbiqliteException.InvalidArgument> { transfer(Transfer(2, 1, -1)) }.index)
        assertEquals(listOf(70L, 20L, 60L), balances(db))
    }

    private companion object {
        val REFUSED = listOf(
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT one",
            "ATTACH ':memory:' AS other",
            "CREATE TEMP TABLE seen (id)",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA journal_mode = DELETE",
            "VACUUM",
            "DELETE FROM items; DELETE FROM log",
        )
    }
}
