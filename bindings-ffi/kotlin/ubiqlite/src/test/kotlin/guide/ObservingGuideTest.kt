package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.inFolder
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.milliseconds
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about observing. */
class ObservingGuideTest {
    @Test
    fun `statistics say who waits`() = inFolder { path ->
        Database.open(path).use { db ->
            db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
            db.transaction {
                // #region stats
                val stats = db.stats()
                println("${stats.commits} commits; ${stats.waitingWrites} writes wait")
                println("the longest wait of a write was ${stats.writeWaits.longest}")
                stats.transactionAge?.let { println("a transaction has been open for $it") }
                stats.oldestReader?.let { println("${stats.logPages} pages in the log; the oldest read began $it ago") }
                // #endregion stats
                assertEquals(1, stats.commits)
                assertNotNull(stats.transactionAge)
            }
            assertNull(db.stats().transactionAge)
        }
    }

    @Test
    fun `a listener is told of slow calls`() = inFolder { path ->
        val lines = LinkedBlockingQueue<String>()
        val log = object { fun warn(line: String) = lines.put(line) }
        Database.open(path).use { db ->
            // #region listen
            val tracing = db.trace(slowerThan = 3.milliseconds) { call ->
                log.warn("${call.summary} ran for ${call.run}, after waiting for ${call.queueWait}: ${call.sql}")
            }
            // #endregion listen
            db.queryValue<Long>("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT count(*) FROM n")
            assertTrue(lines.poll(30, TimeUnit.SECONDS)!!.startsWith("SELECT n ran for"))
            tracing.close()
        }
    }
}
