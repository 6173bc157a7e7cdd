package guide

import io.github.ubiqlite.Conflict
import io.github.ubiqlite.Database
import io.github.ubiqlite.Policy
import io.github.ubiqlite.inFolder
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

/** The guide's page about change sets. */
class SyncGuideTest {
    /** Two devices: a database each. */
    private fun withDevices(test: suspend (Database, Database) -> Unit) = inFolder { path ->
        Database.open(path).use { db ->
            Database.open("$path.other").use { other ->
                for (device in listOf(db, other)) {
                    device.batch(
                        """
                        CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT, updated_at INTEGER);
                        CREATE TABLE settings (name TEXT PRIMARY KEY, value);
                        CREATE TABLE received (number INTEGER);
                        INSERT INTO received VALUES (0);
                        """,
                    )
                }
                test(db, other)
            }
        }
    }

    /** The changes of a note that the other device has made. */
    private suspend fun theirs(other: Database): ByteArray {
        val outbox = other.outbox("notes")
        other.execute("INSERT INTO notes VALUES ('n1', 'theirs', 2)")
        return checkNotNull(outbox.next()).bytes
    }

    private suspend fun body(db: Database) = db.queryValue<String>("SELECT body FROM notes")

    @Test
    fun `what waits is sent and acknowledged`() = withDevices { db, other ->
        val sent = mutableListOf<ByteArray>()

        fun send(bytes: ByteArray) = sent.add(bytes)
        // #region outbox
        val outbox = db.outbox("notes", "settings")
        db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)")

        while (true) {
            val batch = outbox.next() ?: break
            send(batch.bytes)
            outbox.ack(batch.id)
        }
        // #endregion outbox
        val bytes = sent.single()
        // #region apply
        other.apply(bytes, Policy.THEIRS)
        // #endregion apply
        assertEquals("buy milk", body(other))
        assertNull(db.outbox("notes", "settings").next())
    }

    @Test
    fun `whoever sends waits for the next commit`() = withDevices { db, _ ->
        var sent = 0

        suspend fun send(bytes: ByteArray) {
            check(bytes.isNotEmpty())
            sent += 1
            if (sent == 1) db.execute("INSERT INTO notes VALUES ('n2', 'buy bread', 2)") else db.close()
        }
        val outbox = db.outbox("notes")
        db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)")
        runCatching {
            // #region wait
            outbox.batches().collect { batch ->
                send(batch.bytes)
                outbox.ack(batch.id)
            }
            // #endregion wait
        }
        assertEquals(2, sent)
    }

    @Test
    fun `a conflict is data`() = withDevices { db, other ->
        val bytes = theirs(other)
        db.execute("INSERT INTO notes VALUES ('n1', 'ours', 1)")
        // #region conflicts
        val applied = db.apply(bytes, Policy.OURS, mapOf("notes" to Policy.newest("updated_at")))
        for (conflict in applied.conflicts) {
            println("${conflict.table} ${conflict.key}: ${conflict.decision}")
        }
        // #endregion conflicts
        assertEquals(listOf(Conflict.Decision.THEIRS), applied.conflicts.map { it.decision })
        assertEquals("theirs", body(db))
    }

    @Test
    fun `what was received is noted with it`() = withDevices { db, other ->
        val bytes = theirs(other)
        val number = 7
        // #region transaction
        db.transaction { tx ->
            tx.apply(bytes, Policy.THEIRS)
            tx.execute("UPDATE received SET number = ?", number)
        }
        // #endregion transaction
        assertEquals(7L, db.queryValue<Long>("SELECT number FROM received"))
        assertEquals("theirs", body(db))
    }
}
