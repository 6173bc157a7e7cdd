package io.github.ubiqlite.sqldelight

import app.Shop
import app.cash.sqldelight.async.coroutines.awaitAsList
import app.cash.sqldelight.async.coroutines.awaitAsOne
import io.github.ubiqlite.UbiqliteException
import kotlin.concurrent.thread
import kotlin.coroutines.resume
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

class TransactionTest {
    private suspend fun Shop.insert(name: String) = itemQueries.insert(name, 1.0, false, null, null, null)

    private suspend fun Shop.names() = itemQueries.all().awaitAsList().map { it.name }

    @Test
    fun `a transaction is kept or undone as a whole, and its hooks are run`() = driven { driver ->
        val shop = shop(driver)
        val hooks = ArrayList<String>()
        assertEquals(
            1,
            shop.transactionWithResult {
                afterCommit { hooks.add("committed") }
                shop.insert("lamp")
                assertNotNull(driver.currentTransaction())
                shop.names().size
            },
        )
        assertNull(driver.currentTransaction())
        shop.transaction {
            afterRollback { hooks.add("rolled back") }
            shop.insert("chair")
            rollback()
        }
        thrown<IllegalArgumentException> {
            shop.transaction {
                shop.insert("desk")
                throw IllegalArgumentException("on purpose")
            }
        }
        assertEquals(listOf("lamp"), shop.names())
        assertEquals(listOf("committed", "rolled back"), hooks)
        assertNull(driver.currentTransaction())
    }

    @Test
    fun `a nested transaction is part of the outermost`() = driven { driver ->
        val shop = shop(driver)
        shop.transaction {
            val outer = driver.currentTransaction()
            shop.insert("lamp")
            shop.transaction { shop.insert("chair") }
            assertEquals(outer, driver.currentTransaction())
            assertEquals(listOf("lamp", "chair"), shop.names())
        }
        shop.transaction {
            shop.insert("desk")
            runCatching {
                shop.transaction {
                    shop.insert("stool")
                    rollback()
                }
            }
            shop.insert("shelf")
        }
        assertEquals(listOf("lamp", "chair"), shop.names())
        thrown<IllegalStateException> {
            shop.transaction { shop.transaction(noEnclosing = true) { shop.insert("never") } }
        }
        shop.insert("table")
        assertEquals(listOf("lamp", "chair", "table"), shop.names())
    }

    @Test
    fun `a statement that fails undoes only itself`() = driven { driver ->
        val shop = shop(driver)
        shop.transaction {
            shop.insert("lamp")
            thrown<UbiqliteException.UniqueViolation> { shop.insert("lamp") }
            shop.insert("chair")
        }
        assertEquals(listOf("lamp", "chair"), shop.names())
    }

    @Test
    fun `other coroutines of the thread are not in the transaction, and those started in it are`() = driven { driver ->
        val shop = shop(driver)
        val written = CompletableDeferred<Unit>()
        val seen = CompletableDeferred<List<String>>()
        val waiting = CompletableDeferred<Unit>()
        // On the same thread, while the transaction is open.
        launch {
            written.await()
            seen.complete(shop.names())
            waiting.complete(Unit)
            shop.insert("by another")
        }
        shop.transaction {
            shop.insert("lamp")
            written.complete(Unit)
            assertEquals(emptyList<String>(), seen.await())
            waiting.await()
            coroutineScope { launch { shop.insert("chair") } }
            assertEquals(listOf("lamp", "chair"), shop.names())
            rollback()
        }
        while (shop.names() != listOf("by another")) delay(1)
    }

    @Test
    fun `what cuts itself off from its coroutine is not in the transaction`() = driven { driver ->
        val shop = shop(driver)
        shop.transaction {
            shop.insert("lamp")
            assertEquals(emptyList<String>(), withContext(NonCancellable) { shop.names() })
            assertEquals(listOf("lamp"), withTimeout(PATIENCE) { shop.names() })
        }
    }

    @Test
    fun `an inner rollback counts after a part that was refused, and before one that succeeds`() = driven { driver ->
        val shop = shop(driver)
        val hooks = ArrayList<String>()
        shop.transaction {
            runCatching { shop.transaction(noEnclosing = true) {} }
            runCatching {
                shop.transaction {
                    shop.insert("lamp")
                    rollback()
                }
            }
        }
        shop.transaction {
            afterCommit { hooks.add("committed") }
            afterRollback { hooks.add("rolled back") }
            runCatching {
                shop.transaction {
                    shop.insert("chair")
                    rollback()
                }
            }
            shop.transaction { shop.insert("desk") }
        }
        shop.transaction {
            shop.transaction {
                runCatching {
                    shop.transaction {
                        shop.insert("stool")
                        rollback()
                    }
                }
            }
        }
        assertEquals(emptyList<String>(), shop.names())
        assertEquals(listOf("rolled back"), hooks)
        shop.transaction {
            runCatching { shop.transaction(noEnclosing = true) {} }
            shop.insert("shelf")
        }
        assertEquals(listOf("shelf"), shop.names())
    }

    @Test
    fun `what is started in its job is in a transaction, and what is started beside a job of its own is not`() = driven { driver ->
        val shop = shop(driver)
        val around = this
        shop.transaction {
            around.launch { shop.insert("in it") }.join()
            rollback()
        }
        assertEquals(emptyList<String>(), shop.names())
        var beside: Job? = null
        coroutineScope {
            shop.transaction {
                beside = around.launch { shop.insert("beside it") }
                rollback()
            }
        }
        beside!!.join()
        assertEquals(listOf("beside it"), shop.names())
    }

    @Test
    fun `a coroutine that is cancelled in its transaction undoes it before the next write`() = driven(
        options = { busyTimeout = 200.milliseconds },
    ) { driver ->
        val shop = shop(driver)
        repeat(20) {
            val inside = CompletableDeferred<Unit>()
            val job = launch {
                shop.transaction {
                    shop.insert("lamp")
                    shop.transaction {
                        inside.complete(Unit)
                        awaitCancellation()
                    }
                }
            }
            inside.await()
            job.cancelAndJoin()
            assertNull(driver.currentTransaction())
            shop.transaction { shop.insert("chair $it") }
        }
        assertFalse("lamp" in shop.names())
        assertEquals(20, shop.itemQueries.sums().awaitAsOne().items)
    }

    @Test
    fun `a transaction that ends on another thread is refused by SQLDelight and undone`() = driven(
        options = { busyTimeout = 200.milliseconds },
    ) { driver ->
        val shop = shop(driver)
        thrown<IllegalStateException> {
            withContext(Dispatchers.Unconfined) {
                shop.transaction {
                    shop.insert("lamp")
                    suspendCancellableCoroutine { thread { it.resume(Unit) } }
                }
            }
        }
        shop.transaction { shop.insert("chair") }
        assertEquals(listOf("chair"), shop.names())
    }
}
