package quickstart

import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout

/** Several statements as one, and parts that can be undone on their own. */
suspend fun transactions(db: Database) {
    chapter("Transactions", "Committed if the block ends well, undone if it throws or is cancelled.")
    step("transfer by hand", { "$it are left" }) {
        db.transaction { tx ->
            tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", 1)
            tx.execute("UPDATE accounts SET balance = balance + 10 WHERE id = ?", 2)
            tx.queryValue<Long>("SELECT balance FROM accounts WHERE id = ?", 1)
        }
    }
    step("a savepoint that is undone", { "$it: the transaction went on" }) {
        db.transaction { tx ->
            runCatching {
                tx.savepoint { sp ->
                    sp.execute("DELETE FROM accounts")
                    error("no, not that")
                }
            }
            tx.queryValue<Long>("SELECT count(*) FROM accounts")
        }
    }
    step("one that is cancelled", { "$it accounts are still there" }) {
        try {
            withTimeout(50.milliseconds) {
                db.transaction { tx ->
                    tx.execute("DELETE FROM accounts")
                    delay(10.seconds)
                }
            }
        } catch (_: CancellationException) {
            // The next write finds what was there before.
        }
        db.table("accounts").count()
    }
}

/** Private connections. */
suspend fun pool(db: Database) {
    chapter("A pool of connections", "Lent for a scope, given back rolled back; who waits too long is told.")
    step("20 coroutines, 8 connections", { "all had one" }) {
        coroutineScope {
            repeat(20) { number ->
                launch {
                    db.acquire().use { session ->
                        session.execute("CREATE TEMP TABLE seen (id)")
                        session.execute("INSERT INTO seen VALUES (?)", number)
                    }
                }
            }
        }
    }
}

/** Rows one after another. */
suspend fun streams(db: Database) {
    chapter("Streams", "Memory for a few pages, however many rows there are.")
    step("all items", { "$it rows" }) {
        var count = 0
        db.stream("SELECT * FROM items").collect { count += 1 }
        count
    }
    step("left after the first", { it.string("name") }) { db.table("items").stream().first() }
}

/** Several queries at once, of one moment. */
suspend fun dashboard(db: Database) {
    chapter("A dashboard", "Three queries side by side, all of one moment: a snapshot.")
    val grace = db.table("users").insert("name" to "Grace", "email" to "grace@example.org")
    db.table("orders").insertMany(List(25) { mapOf("user_id" to grace, "total" to it * 10) })
    db.snapshot().use { moment ->
        // Somebody places an order between two of the dashboard's queries.
        db.table("orders").insert("user_id" to grace, "total" to 1_000_000)
        coroutineScope {
            val user = async { moment.queryOne("SELECT * FROM users WHERE id = ?", grace) }
            val latest = async { moment.query("SELECT * FROM orders WHERE user_id = ? ORDER BY id DESC LIMIT 10", grace) }
            val sums = async { moment.queryOne("SELECT count(*) AS count, sum(total) AS sum FROM orders WHERE user_id = ?", grace) }
            step("user, latest orders, sums") { "${user.await().string("name")}, ${latest.await().size}, ${sums.await()}" }
        }
    }
}

/** Inserts a row and returns whether that succeeded, with a message for a user. */
private suspend fun safeInsert(db: Database, table: String, vararg row: Pair<String, Any?>): Pair<Boolean, String> = try {
    db.table(table).insert(*row)
    true to "Success"
} catch (error: UbiqliteException) {
    false to when (error) {
        is UbiqliteException.UniqueViolation, is UbiqliteException.PrimaryKeyViolation -> "Duplicate entry"
        is UbiqliteException.ForeignKeyViolation -> "Referenced record not found"
        is UbiqliteException.NoSuchTable -> "Table not found"
        is UbiqliteException.Busy -> "Database busy"
        else -> error.message.orEmpty()
    }
}

/** Errors by kind: nobody has to read a message to know what happened. */
suspend fun errors(db: Database, path: String) {
    chapter("A safe insert", "What went wrong is a class to tell by, not a text to search in.")
    val alan = arrayOf("name" to "Alan", "email" to "alan@example.org")
    step("a new user") { safeInsert(db, "users", *alan) }
    step("the same e-mail again") { safeInsert(db, "users", *alan) }
    step("an order of nobody") { safeInsert(db, "orders", "user_id" to 99, "total" to 1) }
    step("a table that is not there") { safeInsert(db, "customers", *alan) }
    Database.open(path).use { other ->
        other.begin().use {
            // Another part of the program has the file open and is writing.
            Database.open(path) { busyTimeout = 50.milliseconds }.use { impatient ->
                step("somebody else is writing") { safeInsert(impatient, "users", "name" to "Mary", "email" to "mary@example.org") }
            }
        }
    }
    val typo = refused("a typo") { db.query("SELECT id, nmae FROM items") }
    println("   at byte ${typo.offset} of the SQL")
}

/** Time limits, cancelling, and interrupting. */
suspend fun limits(db: Database) {
    chapter("Limits", "Any call can be given up, and leaves nothing behind.")
    val endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    refused("a time limit") { db.timeout(50.milliseconds).queryValue<Long>(endless) }
    step("cancelling its coroutine", { "stopped, as withTimeout says" }) {
        try {
            withTimeout(50.milliseconds) { db.execute("DELETE FROM items WHERE id < ($endless)") }
        } catch (_: CancellationException) {
            // As expected.
        }
    }
    step("the next read", { "$it items: the write is undone" }) { db.table("items").count() }
    refused("interrupt stops all that runs") {
        coroutineScope {
            launch {
                delay(50)
                db.interrupt()
            }
            db.queryValue<Long>(endless)
        }
    }
}
