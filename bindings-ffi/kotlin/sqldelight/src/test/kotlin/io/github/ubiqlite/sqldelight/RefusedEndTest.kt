package io.github.ubiqlite.sqldelight

import app.Shop
import app.cash.sqldelight.async.coroutines.awaitAsList
import java.util.concurrent.Executors
import kotlin.concurrent.thread
import kotlin.coroutines.intrinsics.COROUTINE_SUSPENDED
import kotlin.coroutines.intrinsics.suspendCoroutineUninterceptedOrReturn
import kotlin.coroutines.resume
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

/**
 * SQLDelight refuses to end a transaction on another thread, and does not say so to the driver. The same
 * coroutine goes on, and what it then writes must neither be lost nor be part of what was refused.
 */
class RefusedEndTest {
    private suspend fun Shop.insert(name: String) = itemQueries.insert(name, 1.0, false, null, null, null)

    private suspend fun Shop.names() = itemQueries.all().awaitAsList().map { it.name }

    /** Runs [work] as one coroutine, which continues on whichever thread resumes it. */
    private fun unconfined(work: suspend CoroutineScope.(UbiqliteSqlDriver, Shop) -> Unit) = driven(
        options = { busyTimeout = 200.milliseconds },
    ) { driver ->
        val shop = shop(driver)
        coroutineScope { async(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) { work(driver, shop) }.await() }
    }

    /** Continues on another thread, in any case. */
    private suspend fun hop(run: (() -> Unit) -> Unit = { thread(block = it) }): Unit = suspendCoroutineUninterceptedOrReturn {
        run { it.resume(Unit) }
        COROUTINE_SUSPENDED
    }

    /** As [unconfined], with a function that continues on the first thread. */
    private fun returning(work: suspend (Shop, back: suspend () -> Unit) -> Unit) = unconfined { _, shop ->
        val first = Executors.newSingleThreadExecutor()
        try {
            work(shop) { hop { first.execute(it) } }
        } finally {
            first.shutdown()
        }
    }

    @Test
    fun `on the other thread the next transaction is one of its own`() = unconfined { driver, shop ->
        thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                hop()
            }
        }
        shop.transaction { shop.insert("chair") }
        assertEquals(listOf("chair"), shop.names())
        assertNull(driver.currentTransaction())
        // Whoever else writes does not wait for what was refused.
        driver.database.execute("INSERT INTO item (name) VALUES ('by another')")
        assertEquals(listOf("chair", "by another"), driver.database.query("SELECT name FROM item ORDER BY id").map { it.string(0) })
    }

    @Test
    fun `on the first thread the next call is not part of it either`() = returning { shop, back ->
        for (next in listOf<suspend () -> Unit>({ shop.transaction { shop.insert("next") } }, { shop.insert("next alone") })) {
            back()
            thrown<IllegalStateException> {
                shop.transaction {
                    shop.insert("lamp")
                    hop()
                }
            }
            back()
            next()
        }
        assertEquals(listOf("next", "next alone"), shop.names().sorted())
    }

    @Test
    fun `in a job of its own nothing remains of one whose body failed on another thread`() = returning { shop, back ->
        back()
        thrown<IllegalStateException> {
            coroutineScope {
                shop.transaction {
                    shop.insert("lamp")
                    hop()
                    throw IllegalArgumentException("on purpose")
                }
            }
        }
        back()
        shop.transaction { shop.insert("next") }
        assertEquals(listOf("next"), shop.names())
    }

    @Test
    fun `a statement on another thread is refused where it is, with all of the transaction`() = unconfined { _, shop ->
        thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                hop()
                shop.insert("chair")
            }
        }
        assertEquals(emptyList<String>(), shop.names())
        shop.transaction { shop.insert("desk") }
        assertEquals(listOf("desk"), shop.names())
    }

    @Test
    fun `a child of the coroutine fails instead of writing into what is over`() = unconfined { _, shop ->
        thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                hop()
            }
        }
        thrown<IllegalStateException> { coroutineScope { shop.insert("chair") } }
        shop.insert("desk")
        assertEquals(listOf("desk"), shop.names())
    }

    @Test
    fun `what encloses a part whose end was refused is not kept`() = returning { shop, back ->
        back()
        thrown<IllegalStateException> {
            shop.transaction {
                shop.insert("lamp")
                thrown<IllegalStateException> {
                    shop.transaction {
                        shop.insert("chair")
                        hop()
                        throw IllegalArgumentException("on purpose")
                    }
                }
                back()
            }
        }
        assertEquals(emptyList<String>(), shop.names())
    }
}
