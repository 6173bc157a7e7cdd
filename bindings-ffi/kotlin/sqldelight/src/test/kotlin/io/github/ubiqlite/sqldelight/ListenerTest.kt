package io.github.ubiqlite.sqldelight

import app.Shop
import app.cash.sqldelight.Query
import app.cash.sqldelight.coroutines.asFlow
import app.cash.sqldelight.coroutines.mapToList
import io.github.ubiqlite.Database
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ListenerTest {
    private suspend fun Shop.insert(name: String) = itemQueries.insert(name, 1.0, false, null, null, null)

    /** Collects the names of all items into a channel, until [work] ends. */
    private suspend fun CoroutineScope.following(shop: Shop, work: suspend (Channel<List<String>>) -> Unit) {
        val names = Channel<List<String>>(Channel.UNLIMITED)
        val job = launch {
            shop.itemQueries.all().asFlow().mapToList(Dispatchers.Default).collect { items -> names.send(items.map { it.name }) }
        }
        try {
            work(names)
        } finally {
            job.cancelAndJoin()
        }
    }

    /** Receives until the list is this. A commit that was under way may be told of twice. */
    private suspend fun Channel<List<String>>.until(vararg expected: String) {
        while (receive() != expected.toList()) continue
    }

    @Test
    fun `a flow has each change, whoever makes it`() = inFolder { path ->
        driven(path.toString()) { driver ->
            val shop = shop(driver)
            following(shop) { names ->
                names.until()
                shop.insert("by generated code")
                names.until("by generated code")
                shop.transaction {
                    shop.itemQueries.delete(1)
                    shop.insert("lamp")
                }
                names.until("lamp")
                driver.database.execute("UPDATE item SET name = 'chair'")
                names.until("chair")
                Database.open(path.toString()).use { other ->
                    other.execute("INSERT INTO item (name) VALUES ('desk')")
                    names.until("chair", "desk")
                }
                UbiqliteSqlDriver.open(path.toString(), Shop.Schema).let { other ->
                    shop(other).itemQueries.delete(1)
                    names.until("desk")
                    other.close()
                }
            }
        }
    }

    @Test
    fun `triggers and foreign keys change tables too`() = driven { driver ->
        val shop = shop(driver)
        shop.insert("lamp")
        val sold = Channel<Boolean>(Channel.UNLIMITED)
        val job = launch {
            shop.itemQueries.byId(1).asFlow().mapToList(Dispatchers.Default).collect { sold.send(it.single().sold) }
        }
        assertEquals(false, sold.receive())
        driver.database.execute("INSERT INTO sale (item, at) VALUES (1, '2026')")
        while (!sold.receive()) continue
        job.cancelAndJoin()

        val sales = Channel<Int>(Channel.UNLIMITED)
        val other = launch { shop.saleQueries.withItem().asFlow().mapToList(Dispatchers.Default).collect { sales.send(it.size) } }
        assertEquals(1, sales.receive())
        shop.itemQueries.delete(1)
        while (sales.receive() != 0) continue
        other.cancelAndJoin()
    }

    @Test
    fun `a listener hears of a change once, and of one that was undone never`() = driven { driver ->
        val shop = shop(driver)
        shop.insert("lamp")
        shop.saleQueries.add(1, "2026")
        val calls = AtomicInteger()
        val heard = Channel<Unit>(Channel.UNLIMITED)
        val listener = Query.Listener {
            calls.incrementAndGet()
            heard.trySend(Unit)
        }
        val items = shop.itemQueries.all()
        items.addListener(listener)
        repeat(50) {
            shop.transaction {
                shop.insert("undone")
                rollback()
            }
            shop.itemQueries.rename("name $it", 1)
            heard.receive()
        }
        // Events come in order: when this one is told, all others have been.
        val last = Channel<Unit>(Channel.UNLIMITED)
        val lastListener = Query.Listener { last.trySend(Unit) }
        driver.addListener("sale", listener = lastListener)
        driver.database.execute("UPDATE sale SET at = '2027'")
        last.receive()
        driver.removeListener("sale", listener = lastListener)
        // What happens while the first listener is being added may be told twice.
        assertTrue(calls.get() in ONCE, "${calls.get()} calls for 50 changes")

        items.removeListener(listener)
        shop.insert("chair")
        driver.notifyListeners("item")
        assertTrue(calls.get() in ONCE)
    }

    @Test
    fun `a key of one's own is told at once, and each listener once`() = driven { driver ->
        val count = AtomicInteger()
        val listener = Query.Listener { count.incrementAndGet() }
        driver.addListener("settings", "profile", listener = listener)
        driver.notifyListeners("settings", "profile")
        assertEquals(1, count.get())
        driver.removeListener("settings", listener = listener)
        driver.notifyListeners("settings")
        assertEquals(1, count.get())
        driver.notifyListeners("profile")
        assertEquals(2, count.get())
    }

    @Test
    fun `a closed driver tells nobody, and leaves a database open that it has not opened`() = running {
        Database.open(":memory:").use { db ->
            val driver = UbiqliteSqlDriver(db)
            driver.migrate(Shop.Schema)
            val count = AtomicInteger()
            driver.addListener("item", "mine", listener = { count.incrementAndGet() })
            driver.close()
            db.execute("INSERT INTO item (name) VALUES ('lamp')")
            driver.notifyListeners("mine")
            assertEquals(0, count.get())
        }
    }

    @Test
    fun `a time limit of the database does not end the listening`() = running {
        Database.open(":memory:").use { db ->
            val driver = UbiqliteSqlDriver(db.timeout(LIMIT))
            driver.migrate(Shop.Schema)
            val heard = Channel<Unit>(Channel.UNLIMITED)
            driver.addListener("item", listener = { heard.trySend(Unit) })
            delay(LIMIT * 4)
            db.execute("INSERT INTO item (name) VALUES ('lamp')")
            heard.receive()
            driver.close()
        }
    }

    @Test
    fun `if commits are no longer told, everybody is told once, and then of what the driver changes`() = running {
        Database.open(":memory:").use { db ->
            val failing = CompletableDeferred<Unit>()
            val listeners = Listeners(db, flow { failing.await().let { error("on purpose") } })
            val heard = Channel<String>(Channel.UNLIMITED)
            listeners.add(arrayOf("item"), listener = { heard.trySend("item") })
            listeners.add(arrayOf("item", "sale"), listener = { heard.trySend("both") })
            failing.complete(Unit)
            assertEquals(setOf("item", "both"), setOf(heard.receive(), heard.receive()))
            listeners.changed(arrayOf("sale"))
            assertEquals("both", heard.receive())
            assertTrue(heard.tryReceive().isFailure)
            listeners.close()
        }
    }

    @Test
    fun `a listener that fails keeps nobody else from being told`() = driven { driver ->
        // The thread that tells asks for it, and has none of its own.
        val before = Thread.getDefaultUncaughtExceptionHandler()
        val uncaught = Channel<Throwable>(Channel.UNLIMITED)
        Thread.setDefaultUncaughtExceptionHandler { _, error -> uncaught.trySend(error) }
        try {
            val heard = Channel<Unit>(Channel.UNLIMITED)
            driver.addListener("item", listener = { throw NotImplementedError("on purpose") })
            driver.addListener("item", listener = { heard.trySend(Unit) })
            repeat(2) {
                driver.database.execute("INSERT INTO item (name) VALUES ('lamp $it')")
                heard.receive()
                assertEquals("on purpose", uncaught.receive().message)
            }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
    }

    private companion object {
        val LIMIT = 50.milliseconds
        val ONCE = 50..53
    }
}
