package io.github.ubiqlite

import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.launchIn
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** Objects that became unreachable without being closed. */
class ForgottenTest {
    private suspend fun collected(holds: suspend () -> Boolean) = withTimeout(30.seconds) {
        while (!holds()) {
            System.gc()
            delay(20)
        }
    }

    private suspend fun forgetTransaction(db: Database) {
        db.begin().execute("INSERT INTO t VALUES (1)")
    }

    @Test
    fun `a forgotten transaction is rolled back, and others can write`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        forgetTransaction(db)
        collected { runCatching { db.timeout(0.2.seconds).execute("INSERT INTO t VALUES (2)") }.isSuccess }
        assertEquals(listOf(2L), db.query("SELECT x FROM t").map { it.long(0) })
    }

    private suspend fun forgetSessions(db: Database) = repeat(2) { db.acquire().queryValue<Long>("SELECT 1") }

    @Test
    fun `forgotten sessions and snapshots give their connections back`() =
        withDatabase({ sessions = 2; readers = 2; acquireTimeout = 0.2.seconds }) { db ->
            forgetSessions(db)
            collected { runCatching { db.acquire().use { it.queryValue<Long>("SELECT 1") } }.isSuccess }
            repeat(2) { db.snapshot().queryValue<Long>("SELECT 1") }
            collected { runCatching { db.snapshot().close() }.isSuccess }
        }

    private suspend fun forgetOutboxes(db: Database) = repeat(20) { assertEquals(1L, db.outbox("t").next()?.id) }

    @Test
    fun `a forgotten outbox is released, and one whose flow is collected is not`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x PRIMARY KEY)")
        val ids = Channel<Long>(Channel.UNLIMITED)
        val sending = db.outbox("t").batches().onEach { ids.send(it.id) }.launchIn(this)
        db.execute("INSERT INTO t VALUES (1)")
        assertEquals(1L, ids.receive())
        forgetOutboxes(db)
        collected { db.target.client.handles.size == 1 }
        db.execute("INSERT INTO t VALUES (2)")
        assertEquals(2L, ids.receive())
        sending.cancelAndJoin()
        collected { db.target.client.handles.isEmpty() }
    }

    private suspend fun forgetDatabases(path: String) = repeat(20) {
        val db = Database.open(path)
        db.batch("CREATE TABLE IF NOT EXISTS t (x)")
        db.begin().execute("INSERT INTO t VALUES (1)")
    }

    private fun ours() = Thread.getAllStackTraces().keys.count { it.name.startsWith("ubiqlite-replies") }

    @Test
    fun `a forgotten database is closed, with its transaction and its thread`() = inFolder { path ->
        val before = ours()
        runCatching { forgetDatabases(path) }
        collected { ours() == before }
        Database.open(path).use { db ->
            db.execute("INSERT INTO t VALUES (2)")
            assertEquals(listOf(2L), db.query("SELECT x FROM t").map { it.long(0) })
        }
    }
}
