package io.github.ubiqlite.sqldelight

import app.Shop
import app.cash.sqldelight.async.coroutines.awaitAsList
import kotlin.concurrent.thread
import kotlin.coroutines.intrinsics.COROUTINE_SUSPENDED
import kotlin.coroutines.intrinsics.suspendCoroutineUninterceptedOrReturn
import kotlin.coroutines.resume
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/**
 * SQLDelight refuses to end a transaction on another thread, and does not say so to the driver. The same
 * coroutine goes on, and what it then writes must neither be lost nor be part of what was refused.
 */
class RefusedEndTest {
    private suspend fun Shop.insert(name: String) = itemQueries.insert(name, 1.0, false, null, null, null)

    private suspend fun Shop.names() = itemQueries.all().awaitAsList().map { it.name }

    /** Runs [work] as one coroutine of one thread, except after [hop]. Nothing waits for what was refused. */
    private fun confined(work: suspend (UbiqliteSqlDriver, Shop) -> Unit) =
        driven(options = { busyTimeout = 200.milliseconds }) { driver -> work(driver, shop(driver)) }

    /** Continues on another thread, up to the next suspension: `yield` leads back. */
    private suspend fun hop(): Unit = suspendCoroutineUninterceptedOrReturn {
        thread { it.resume(Unit) }
        COROUTINE_SUSPENDED
    }

    @Test
    fun `on the other thread the next call is not part of it`() = confined { driver, shop ->
        thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                hop()
            }
        }
        shop.insert("chair")
        yield()
        assertNull(driver.currentTransaction())
        // Whoever else writes does not wait either.
        driver.database.execute("INSERT INTO item (name) VALUES ('by another')")
        shop.transaction { shop.insert("desk") }
        val names = driver.database.query("SELECT name FROM item ORDER BY id").map { it.string(0) }
        assertEquals(listOf("chair", "by another", "desk"), names)
    }

    @Test
    fun `on the first thread the next call is not part of it either`() = confined { _, shop ->
        for (next in listOf<suspend () -> Unit>({ shop.transaction { shop.insert("next") } }, { shop.insert("next alone") })) {
            thrown<IllegalStateException> {
                shop.transaction {
                    shop.insert("lamp")
                    hop()
                }
            }
            yield()
            next()
        }
        assertEquals(listOf("next", "next alone"), shop.names().sorted())
    }

    @Test
    fun `in a job of its own nothing remains of one whose body failed on another thread`() = confined { _, shop ->
        thrown<IllegalStateException> {
            coroutineScope {
                shop.transaction {
                    shop.insert("lamp")
                    hop()
                    throw IllegalArgumentException("on purpose")
                }
            }
        }
        yield()
        shop.transaction { shop.insert("next") }
        assertEquals(listOf("next"), shop.names())
    }

    @Test
    fun `a statement on another thread is refused where it is, with all of the transaction`() = confined { _, shop ->
        var refused: Throwable? = null
        thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                hop()
                refused = runCatching { shop.insert("chair") }.exceptionOrNull()
                throw refused!!
            }
        }
        assertTrue("another thread" in refused!!.message!!)
        yield()
        assertEquals(emptyList<String>(), shop.names())
        shop.transaction { shop.insert("desk") }
        assertEquals(listOf("desk"), shop.names())
    }

    @Test
    fun `a child of the coroutine fails instead of writing into what is over`() = confined { _, shop ->
        thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                hop()
            }
        }
        thrown<IllegalStateException> { coroutineScope { shop.insert("chair") } }
        yield()
        shop.insert("desk")
        assertEquals(listOf("desk"), shop.names())
    }

    @Test
    fun `what encloses a part whose end was refused is not kept`() = confined { _, shop ->
        val error = thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                thrown<IllegalStateException> {
                    shop.transaction {
                        shop.insert("chair")
                        hop()
                        throw IllegalArgumentException("on purpose")
                    }
                }
                yield()
            }
        }
        assertTrue("nested" in error.message!!)
        assertEquals(emptyList<String>(), shop.names())
    }
}
