package io.github.ubiqlite

import java.io.File
import java.io.IOException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CountDownLatch
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Replicas in a folder, and in a storage of the program's own. */
class ReplicateTest {
    private val items = "CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, data BLOB)"
    private val first = "ltx/9/0000000000000001-0000000000000001.ltx"

    /** Keeps files in memory. */
    private open class Bucket : ReplicaStorage {
        val files = ConcurrentHashMap<String, ByteArray>()
        var sent = 0

        /** The most bytes that came at once. */
        var largest = 0

        /** How many bytes it sends at once. */
        var piece = 1000

        @Volatile
        var refuses: String? = null

        override suspend fun put(name: String, content: Flow<ByteArray>) {
            refuses?.let { throw IOException(it) }
            val pieces = content.toList()
            largest = maxOf(largest, pieces.maxOf { it.size })
            files[name] = pieces.fold(ByteArray(0), ByteArray::plus)
        }

        override suspend fun list(): List<String> = files.keys.toList() + "readme.txt"

        override suspend fun get(name: String): Flow<ByteArray>? = files[name]?.let { bytes ->
            flow {
                for (at in bytes.indices step piece) {
                    sent += 1
                    emit(bytes.copyOfRange(at, minOf(at + piece, bytes.size)))
                }
            }
        }

        override suspend fun remove(name: String) {
            files.remove(name)
        }
    }

    private fun withItems(test: suspend CoroutineScope.(Database, String) -> Unit) = withDatabase { db ->
        db.batch(items)
        withTimeout(60.seconds) { test(db, db.path.removeSuffix("app.db")) }
    }

    private suspend fun count(path: String): Long = Database.open(path).use { it.queryValue("SELECT count(*) FROM items") }

    @Test
    fun `each moment of a replica in a folder is restored, and what can't be is told by its kind`() = withItems { db, folder ->
        val to = folder + "replica"
        assertTrue(db.capabilities().replicas)
        val replica = db.replicate(to) {
            interval = Duration.ZERO
            keep = Duration.INFINITE
            snapshotEvery = Duration.INFINITE
            memory = 1_000_000
        }
        val before = replica.flush()
        assertEquals(SnapshotReason.FIRST, before.reason)
        delay(5)
        db.execute("INSERT INTO items (data) VALUES (x'00')")
        val after = replica.flush()
        assertEquals(before.transaction + 1, after.transaction)
        val moments = listOf(ReplicaMoment.transaction(before.transaction), ReplicaMoment.time(before.time!!), ReplicaMoment.LATEST)
        val restored = moments.map { moment ->
            val file = "$folder${moment.kind}.db"
            Database.restoreReplica(to, file, moment) to count(file)
        }
        assertEquals(listOf(before.transaction to 0L, before.transaction to 0L, after.transaction to 1L), restored)
        assertFailsWith<UbiqliteException.NotFound> { Database.restoreReplica(to, folder + "new.db", ReplicaMoment.transaction(99)) }
        assertFailsWith<UbiqliteException.InvalidArgument> { Database.restoreReplica(to, db.path) }
        assertFailsWith<UbiqliteException.InvalidArgument> { Database.restoreReplica("", folder + "new.db") }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.replicate(to) { memory = -1 } }
        assertFailsWith<UbiqliteException.Busy> { db.replicate(to) }
        assertTrue(replica.stop().ended)
        assertFailsWith<UbiqliteException.Closed> { replica.flush() }
        assertFalse(File(folder + "new.db").exists())
    }

    @Test
    fun `what a program keeps is restored, and of a file only as much is read as is needed`() = withItems { db, folder ->
        // Several times what is sent at once.
        db.execute("INSERT INTO items (data) SELECT randomblob(1000) FROM (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 2000) SELECT i FROM r)")
        val bucket = Bucket()
        val replica = db.replicate(bucket)
        replica.flush()
        db.execute("INSERT INTO items (data) VALUES (x'00')")
        replica.stop()
        assertTrue(bucket.files.getValue(first).size > 1_000_000)
        assertTrue(bucket.largest <= 256 * 1024, "${bucket.largest} bytes")
        Database.restoreReplica(bucket, folder + "new.db")
        assertEquals(2001L, count(folder + "new.db"))
        // What comes as one piece is divided: the engine takes no larger ones.
        val whole = Bucket().apply { piece = 100_000_000 }
        whole.files.putAll(bucket.files)
        Database.restoreReplica(whole, folder + "whole.db")
        assertEquals(2001L, count(folder + "whole.db"))
        bucket.sent = 0
        assertFailsWith<UbiqliteException.NotFound> {
            Database.restoreReplica(bucket, folder + "none.db", ReplicaMoment.time(java.time.Instant.EPOCH))
        }
        assertTrue(bucket.sent < 10, "${bucket.sent} pieces")
    }

    @Test
    fun `closing stores what was committed in a program's storage, and the next replica goes on`() = withItems { db, folder ->
        val bucket = Bucket()
        db.close()
        repeat(2) {
            Database.open(db.path).use { again ->
                again.replicate(bucket) { interval = 1.hours }
                again.execute("INSERT INTO items (data) VALUES (x'00')")
            }
        }
        assertEquals(listOf(first), bucket.files.keys.filter { it.startsWith("ltx/9") })
        Database.restoreReplica(bucket, folder + "new.db")
        assertEquals(2L, count(folder + "new.db"))
    }

    @Test
    fun `what a storage throws is told, never those who write, and is tried again`() = withItems { db, folder ->
        val bucket = Bucket()
        bucket.refuses = "the bucket is full"
        val replica = db.replicate(bucket)
        db.execute("INSERT INTO items (data) VALUES (x'00')")
        while (replica.state().error?.contains("the bucket is full") != true) delay(10)
        bucket.refuses = null
        assertEquals(null, replica.flush().error)
        bucket.files.computeIfPresent(first) { _, bytes -> bytes.copyOf(bytes.size - 9) }
        val damaged = assertFailsWith<UbiqliteException.Corrupt> { Database.restoreReplica(bucket, folder + "new.db") }
        assertTrue(first in damaged.message.orEmpty())
        assertFalse(File(folder + "new.db").exists())
    }

    @Test
    fun `a storage that fails by a time limit of its own or an Error is told and tried again`() = withItems { db, folder ->
        for (failing in listOf<suspend () -> Unit>({ withTimeout(10.milliseconds) { awaitCancellation() } }, { TODO() })) {
            var fails = true
            val bucket = object : Bucket() {
                override suspend fun put(name: String, content: Flow<ByteArray>) {
                    if (fails) failing()
                    super.put(name, content)
                }
            }
            val replica = db.replicate(bucket)
            db.execute("INSERT INTO items (data) VALUES (x'00')")
            while (replica.state().error == null) delay(10)
            fails = false
            assertEquals(null, replica.flush().error)
            replica.stop()
            Database.restoreReplica(bucket, folder + "new ${bucket.hashCode()}.db")
        }
    }

    @Test
    fun `a second replica in a storage is refused while there is one`() = withItems { db, folder ->
        val bucket = Bucket()
        val replica = db.replicate(bucket)
        Database.open(folder + "other.db").use { other ->
            for (each in listOf(db, other)) assertFailsWith<UbiqliteException.Busy> { each.replicate(bucket) }
        }
        db.execute("INSERT INTO items (data) VALUES (x'00')")
        replica.flush()
        assertTrue(bucket.files.containsKey("ubiqlite.owner"))
        replica.stop()
        assertFalse(bucket.files.containsKey("ubiqlite.owner"))
        db.replicate(bucket).stop()
    }

    @Test
    fun `half a file does not count as stored`() = withItems { db, _ ->
        db.execute("INSERT INTO items (data) VALUES (randomblob(1000000))")
        val hasty = object : Bucket() {
            override suspend fun put(name: String, content: Flow<ByteArray>) {
                content.first()
            }
        }
        val replica = db.replicate(hasty) { closeTimeout = 100.milliseconds }
        while (replica.state().error?.contains("not read to its end") != true) delay(10)
        assertFailsWith<UbiqliteException.Io> { replica.stop() }
    }

    @Test
    fun `a storage that never replies ends with its replica, also one that blocks its thread`() = withItems { db, _ ->
        val ended = CompletableDeferred<Unit>()
        val silent = object : Bucket() {
            override suspend fun put(name: String, content: Flow<ByteArray>) {
                if (!name.startsWith("ltx/")) return super.put(name, content)
                try {
                    awaitCancellation()
                } finally {
                    ended.complete(Unit)
                }
            }
        }
        val replica = db.replicate(silent) { closeTimeout = 100.milliseconds }
        val error = assertFailsWith<UbiqliteException.Io> { replica.stop() }
        assertTrue("has not returned within the close timeout" in error.message.orEmpty(), error.message)
        assertTrue(replica.state().ended)
        ended.await()
        val latch = CountDownLatch(1)
        val blocking = object : Bucket() {
            override suspend fun put(name: String, content: Flow<ByteArray>) {
                if (name.startsWith("ltx/")) latch.await() else super.put(name, content)
            }
        }
        db.replicate(blocking) { closeTimeout = 100.milliseconds }
        // Others are served meanwhile.
        val other = async { db.replicate(Bucket()).flush() }
        assertEquals(null, other.await().error)
        db.close()
        latch.countDown()
    }
}
