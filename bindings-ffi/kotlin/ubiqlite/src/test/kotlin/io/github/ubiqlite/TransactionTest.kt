package io.github.ubiqlite

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Test

class TransactionTest {
    private class Mine : Exception("mine")

    @Test
    fun `an exception leaves a transaction unchanged, and nothing of it is kept`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        val mine = Mine()
        val thrown = assertFailsWith<Mine> {
            db.transaction { tx ->
                tx.execute("INSERT INTO t VALUES (1)")
                throw mine
            }
        }
        assertSame(mine, thrown)
        assertEquals(0L, db.queryValue<Long>("SELECT count(*) FROM t"))
    }

    @Test
    fun `an Error and an exception of a child coroutine roll back too`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        assertFailsWith<OutOfMemoryError> {
            db.transaction { tx ->
                tx.execute("INSERT INTO t VALUES (1)")
                throw OutOfMemoryError("made up")
            }
        }
        assertFailsWith<Mine> {
            db.transaction { tx ->
                coroutineScope {
                    launch { repeat(100) { tx.execute("INSERT INTO t VALUES (2)") } }
                    launch { throw Mine() }
                }
            }
        }
        assertEquals(0L, db.queryValue<Long>("SELECT count(*) FROM t"))
    }

    @Test
    fun `a savepoint that throws is undone alone, however deep`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        db.transaction { tx ->
            tx.execute("INSERT INTO t VALUES (1)")
            tx.savepoint { outer ->
                outer.execute("INSERT INTO t VALUES (2)")
                assertFailsWith<Mine> {
                    outer.savepoint { inner ->
                        inner.execute("INSERT INTO t VALUES (3)")
                        throw Mine()
                    }
                }
            }
        }
        assertEquals(listOf(1L, 2L), db.query("SELECT x FROM t").map { it.long(0) })
    }

    @Test
    fun `a transaction keeps together what is done in it on several dispatchers`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        coroutineScope {
            repeat(8) { worker ->
                launch {
                    repeat(20) {
                        db.transaction { tx ->
                            val before = tx.queryValue<Long>("SELECT count(*) FROM t")
                            withContext(Dispatchers.IO) { tx.execute("INSERT INTO t VALUES (?)", worker) }
                            withContext(Dispatchers.Unconfined) { tx.execute("INSERT INTO t VALUES (?)", worker) }
                            assertEquals(before + 2, tx.queryValue<Long>("SELECT count(*) FROM t"))
                        }
                    }
                }
            }
        }
        assertEquals(320L, db.queryValue<Long>("SELECT count(*) FROM t"))
    }

    @Test
    fun `calls of one transaction take place in the order of asking`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
        db.transaction { tx ->
            val calls = List(200) { number ->
                async(start = CoroutineStart.UNDISPATCHED) { tx.execute("INSERT INTO t (x) VALUES (?)", number) }
            }
            calls.awaitAll()
        }
        assertEquals((0L until 200L).toList(), db.query("SELECT x FROM t ORDER BY id").map { it.long(0) })
    }

    @Test
    fun `after its block a transaction takes no call, and one that waits is told`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        val leaked = CompletableDeferred<Transaction>()
        db.transaction { leaked.complete(it) }
        assertFailsWith<UbiqliteException.Closed> { leaked.await().execute("INSERT INTO t VALUES (1)") }
        val handle = db.begin()
        val endless = async { runCatching { handle.queryValue<Long>(ENDLESS) } }
        delay(50)
        handle.close()
        assertFailsWith<UbiqliteException.Closed> { endless.await().getOrThrow() }
        db.execute("INSERT INTO t VALUES (1)")
    }

    @Test
    fun `a transaction that the block has ended itself is not ended twice`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        db.transaction { tx ->
            tx.execute("INSERT INTO t VALUES (1)")
            tx.rollback()
        }
        db.transaction { tx ->
            tx.execute("INSERT INTO t VALUES (2)")
            tx.commit()
        }
        assertEquals(listOf(2L), db.query("SELECT x FROM t").map { it.long(0) })
    }

    @Test
    fun `use rolls a handle back unless it was committed`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        db.begin().use { it.execute("INSERT INTO t VALUES (1)") }
        db.begin(Mode.DEFERRED).use { tx ->
            tx.execute("INSERT INTO t VALUES (2)")
            tx.commit()
        }
        assertEquals(listOf(2L), db.query("SELECT x FROM t").map { it.long(0) })
    }
}
