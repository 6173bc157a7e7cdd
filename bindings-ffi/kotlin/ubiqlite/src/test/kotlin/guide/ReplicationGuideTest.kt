package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.ReplicaMoment
import io.github.ubiqlite.ReplicaStorage
import io.github.ubiqlite.inFolder
import io.github.ubiqlite.replicate
import io.github.ubiqlite.restoreReplica
import java.io.ByteArrayOutputStream
import java.time.Instant
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flowOf
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** The guide's page about continuous backup. */
class ReplicationGuideTest {
    private suspend fun Database.notes() = batch("CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES ('buy milk')")

    private suspend fun bodyIn(path: String): String = Database.open(path).use { it.queryValue("SELECT body FROM notes") }

    @Test
    fun `a database is replicated and restored`() = inFolder { path ->
        val (backup, restored) = path.replace("app.db", "backup") to path.replace("app.db", "restored.db")
        // #region replicate
        val db = Database.open(path)
        val replica = db.replicate(backup) {
            interval = 500.milliseconds
            keep = 30.days
        }
        // #endregion replicate
        db.notes()
        // #region flush
        replica.flush()
        // #endregion flush
        // #region state
        val state = replica.state()
        println("${state.transaction} transactions are stored, ${state.lag} are not yet")
        state.error?.let { println("the backup has stopped: $it") }
        // #endregion state
        assertEquals(0L, state.lag)
        val time = Instant.now()
        // #region restore
        Database.restoreReplica(backup, restored, ReplicaMoment.time(time))
        // #endregion restore
        assertEquals("buy milk", bodyIn(restored))
        db.close()
    }

    // #region storage
    class Bucket(private val objects: MutableMap<String, ByteArray>) : ReplicaStorage {
        override suspend fun put(name: String, content: Flow<ByteArray>) {
            val all = ByteArrayOutputStream()
            content.collect(all::writeBytes)
            objects[name] = all.toByteArray()
        }

        override suspend fun list(): List<String> = objects.keys.toList()

        override suspend fun get(name: String): Flow<ByteArray>? = objects[name]?.let { flowOf(it) }

        override suspend fun remove(name: String) {
            objects.remove(name)
        }
    }
    // #endregion storage

    @Test
    fun `a program keeps the files itself`() = inFolder { path ->
        val (objects, restored) = ConcurrentHashMap<String, ByteArray>() to path.replace("app.db", "restored.db")
        Database.open(path).use { db ->
            // #region bucket
            db.replicate(Bucket(objects))
            // #endregion bucket
            db.notes()
        }
        Database.restoreReplica(Bucket(objects), restored)
        assertEquals("buy milk", bodyIn(restored))
    }
}
