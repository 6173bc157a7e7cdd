package io.github.ubiqlite

import com.sun.management.GarbageCollectionNotificationInfo
import java.lang.management.ManagementFactory
import java.util.concurrent.CopyOnWriteArrayList
import javax.management.NotificationEmitter
import javax.management.NotificationListener
import javax.management.openmbean.CompositeData
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class HeapTest {
    private fun used(): Long {
        repeat(3) { System.gc() }
        return with(Runtime.getRuntime()) { totalMemory() - freeMemory() }
    }

    @Test
    fun `a million reads leave the heap as it was, and no collection takes 20 ms`() = withDatabase { db ->
        db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, data TEXT, status TEXT, value REAL)")
        db.table("items").insertMany(List(1000) { mapOf("name" to "item $it", "data" to mapOf("watt" to it), "value" to it / 2.0) })
        suspend fun read(times: Int) = repeat(times) { index ->
            val row = db.queryOne("SELECT id, name, data, status, value FROM items WHERE id = ?", index % 1000 + 1)
            check(row.long("id") == index % 1000 + 1L && row.string("name").isNotEmpty())
        }
        read(50_000)
        val before = used()
        // A busy machine may stall the collector itself, but each time in another collection;
        // a fault in the heap shows every time.
        val longest = List(ROUNDS) { longestPause { read(1_000_000) } }
        val grown = used() - before
        println("a million reads: heap $grown bytes more after $ROUNDS rounds, the longest pauses $longest ms")
        assertTrue(grown < 2_000_000, "the heap grew by $grown bytes")
        assertTrue(longest.min() <= 20, "pauses of $longest ms")
    }

    private suspend fun longestPause(work: suspend () -> Unit): Long {
        val pauses = CopyOnWriteArrayList<Long>(listOf(0))
        val listener = NotificationListener { notification, _ ->
            val info = GarbageCollectionNotificationInfo.from(notification.userData as CompositeData)
            // Collections that this test itself requests have this cause.
            if (info.gcCause != "System.gc()" && "Concurrent" !in info.gcName) pauses += info.gcInfo.duration
        }
        val beans = ManagementFactory.getGarbageCollectorMXBeans().filterIsInstance<NotificationEmitter>()
        beans.forEach { it.addNotificationListener(listener, null, null) }
        work()
        beans.forEach { it.removeNotificationListener(listener) }
        return pauses.max()
    }

    private companion object {
        const val ROUNDS = 3
    }
}
