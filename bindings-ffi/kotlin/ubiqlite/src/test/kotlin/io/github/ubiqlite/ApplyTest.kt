package io.github.ubiqlite

import kotlin.random.Random
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private const val SCHEMA = """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, tag, updated_at INTEGER);
    CREATE TABLE settings (name TEXT, scope INTEGER, value, PRIMARY KEY (name, scope)) WITHOUT ROWID;
    INSERT INTO notes VALUES (1, 'one', 'a', 1), (2, 'two', 'b', 2), (3, 'three', 'c', 3);
    INSERT INTO settings VALUES ('color', 0, 'red');
"""

/** What applying a change set does, and what is told of what it met. */
class ApplyTest {
    /** Runs a test with two databases that begin with the same rows. */
    private fun withTwo(test: suspend CoroutineScope.(Database, Database) -> Unit) = withDatabase { here ->
        Database.open(":memory:").use { there ->
            here.batch(SCHEMA)
            there.batch(SCHEMA)
            withTimeout(60.seconds) { test(here, there) }
        }
    }

    /** Runs statements in one transaction, and returns their change set. */
    private suspend fun Database.changes(vararg statements: String): ByteArray {
        val outbox = outbox("notes", "settings")
        batch(statements.map { Statement(it) })
        return checkNotNull(outbox.next()).also { outbox.ack(it.id) }.bytes
    }

    private suspend fun Database.texts() = query("SELECT id, text FROM notes ORDER BY id").associate { it.long(0) to it.stringOrNull(1) }

    private suspend fun Database.all() =
        query("SELECT * FROM notes ORDER BY id").map { it.toMap() } + query("SELECT * FROM settings ORDER BY name").map { it.toMap() }

    @Test
    fun `two databases exchange their changes, and are the same`() = withTwo { here, there ->
        val both = listOf(here, there)
        val (mine, theirs) = both.map { it.outbox("notes", "settings") }
        here.execute("UPDATE notes SET text = 'of here' WHERE id = 1")
        there.execute("INSERT INTO notes VALUES (4, 'of there', x'00ff', 4)")
        here.table("settings").upsert("name" to "size", "scope" to 1, "value" to 1.5)
        for ((outbox, other) in listOf(mine to there, theirs to here)) {
            while (true) {
                val batch = outbox.next() ?: break
                assertEquals(emptyList<Conflict>(), other.apply(batch.bytes, Policy.ABORT).conflicts)
                outbox.ack(batch.id)
            }
        }
        assertEquals(here.all().map { it.toString().replace(Regex("\\[B@\\w+"), "bytes") }, there.all().map { it.toString().replace(Regex("\\[B@\\w+"), "bytes") })
        assertEquals("of here", there.texts()[1])
        assertArrayEquals(byteArrayOf(0, -1), here.table("notes").get(4)?.bytes("tag"))
        // What came from the other side is no change of one's own.
        for (db in both) assertNull(db.outbox("notes", "settings").next())
    }

    @Test
    fun `a conflict is data, and each policy decides it`() {
        data class Case(val policy: Policy, val theirs: Boolean)
        for (case in listOf(
            Case(Policy.THEIRS, true), Case(Policy.OURS, false),
            Case(Policy.newest("updated_at"), true), Case(Policy.newest("tag"), false),
        )) {
            withTwo { here, there ->
                here.execute("UPDATE notes SET text = 'ours', tag = 'z' WHERE id = 1")
                val bytes = there.changes("UPDATE notes SET text = 'theirs', tag = 'y', updated_at = 9 WHERE id = 1")
                val done = here.apply(bytes, case.policy)
                val conflict = done.conflicts.single()
                assertEquals("notes", conflict.table)
                assertEquals(Conflict.Kind.DATA, conflict.kind)
                assertEquals(Conflict.Change.UPDATED, conflict.change)
                assertEquals(mapOf("id" to 1L), conflict.key)
                assertEquals(mapOf("id" to 1L, "text" to "ours", "tag" to "z", "updated_at" to 1L), conflict.ours)
                assertEquals(mapOf("id" to 1L, "text" to "theirs", "tag" to "y", "updated_at" to 9L), conflict.theirs)
                assertEquals(if (case.theirs) Conflict.Decision.THEIRS else Conflict.Decision.OURS, conflict.decision, "$case")
                assertEquals(if (case.theirs) "theirs" else "ours", here.texts()[1], "$case")
            }
        }
    }

    @Test
    fun `where the policy is to abort, nothing is applied`() = withTwo { here, there ->
        here.execute("UPDATE notes SET text = 'ours' WHERE id = 1")
        val bytes = there.changes("INSERT INTO notes VALUES (9, 'new', NULL, NULL)", "UPDATE notes SET text = 'theirs' WHERE id = 1")
        val before = here.texts()
        assertFailsWith<UbiqliteException.ConstraintViolation> { here.apply(bytes, Policy.ABORT) }
        assertFailsWith<UbiqliteException.ConstraintViolation> { here.apply(bytes, Policy.THEIRS, mapOf("NOTES" to Policy.ABORT)) }
        assertEquals(before, here.texts())
        assertEquals(1, here.apply(bytes, Policy.ABORT, mapOf("notes" to Policy.THEIRS)).conflicts.size)
        assertEquals("theirs", here.texts()[1])
    }

    @Test
    fun `each kind of conflict is told, with the rows of both sides`() = withTwo { here, there ->
        here.execute("CREATE UNIQUE INDEX tags ON notes (tag)")
        val bytes = there.changes(
            "UPDATE notes SET text = 'theirs' WHERE id = 1",
            "DELETE FROM notes WHERE id = 2",
            "UPDATE notes SET text = 'theirs' WHERE id = 3",
            "INSERT INTO notes VALUES (5, 'theirs', x'05', 5)",
            "INSERT INTO notes VALUES (6, 'theirs', 'taken', 6)",
            "UPDATE settings SET value = NULL",
        )
        here.batch(
            """
            UPDATE notes SET text = NULL WHERE id IN (1, 2);
            DELETE FROM notes WHERE id = 3;
            INSERT INTO notes VALUES (5, 'ours', 1.5, 0), (60, 'ours', 'taken', 0);
            UPDATE settings SET value = 'blue';
            """,
        )
        val done = here.apply(bytes, Policy.OURS)
        assertFalse(done.rebased)
        fun told(conflict: Conflict) = with(conflict) { listOf(kind, change, ours?.get("text"), theirs["text"], decision).joinToString() }
        val notes = done.conflicts.filter { it.table == "notes" }.associate { it.key.getValue("id") to told(it) }
        assertEquals(
            mapOf<Any?, String>(
                1L to "DATA, UPDATED, null, theirs, OURS",
                2L to "DATA, DELETED, null, two, OURS",
                3L to "NOT_FOUND, UPDATED, null, theirs, OURS",
                5L to "EXISTS, INSERTED, ours, theirs, OURS",
                6L to "CONSTRAINT, INSERTED, null, theirs, OURS",
            ),
            notes.toSortedMap(compareBy { it as Long }).toMap(),
        )
        val inserted = done.conflicts.single { it.kind == Conflict.Kind.EXISTS }
        assertEquals(1.5, inserted.ours?.get("tag"))
        assertArrayEquals(byteArrayOf(5), inserted.theirs["tag"] as ByteArray)
        val missing = done.conflicts.single { it.kind == Conflict.Kind.NOT_FOUND }
        assertNull(missing.ours)
        val setting = done.conflicts.single { it.table == "settings" }
        assertEquals(listOf("name" to "color", "scope" to 0L), setting.key.toList())
        assertTrue("value" in setting.theirs && setting.theirs["value"] == null)
        assertEquals("blue", setting.ours?.get("value"))
        assertTrue("notes {id=1}: DATA, UPDATED" in done.toString(), done.toString())
    }

    @Test
    fun `a table has a policy of its own`() = withTwo { here, there ->
        val ours = arrayOf("UPDATE notes SET text = 'ours', updated_at = 5 WHERE id = 1", "UPDATE settings SET value = 'ours'")
        here.batch(ours.map { Statement(it) })
        val bytes = there.changes("UPDATE notes SET text = 'theirs', updated_at = 4 WHERE id = 1", "UPDATE settings SET value = 'theirs'")
        val done = here.apply(bytes, Policy.THEIRS, mapOf("notes" to Policy.newest("updated_at")))
        assertEquals(
            mapOf("notes" to Conflict.Decision.OURS, "settings" to Conflict.Decision.THEIRS),
            done.conflicts.associate { it.table to it.decision },
        )
        assertFailsWith<UbiqliteException.NoSuchColumn> { here.apply(bytes, Policy.newest("never")) }
    }

    @Test
    fun `what waits in the outbox stands on what was applied`() = withTwo { here, there ->
        val outbox = here.outbox("notes")
        here.execute("UPDATE notes SET text = 'ours' WHERE id = 1")
        val first = checkNotNull(outbox.next())
        val bytes = there.changes("UPDATE notes SET text = 'theirs' WHERE id = 1")
        assertTrue(here.apply(bytes, Policy.OURS).rebased)
        val next = checkNotNull(outbox.next())
        assertTrue(next.id > first.id)
        assertEquals(emptyList<Conflict>(), there.apply(next.bytes, Policy.ABORT).conflicts)
        assertEquals("ours", there.texts()[1])
        assertNull(outbox.next())
    }

    @Test
    fun `a live query sees what was applied`() = withTwo { here, there ->
        val bytes = there.changes("DELETE FROM notes WHERE id > 1")
        val counts = async(start = CoroutineStart.UNDISPATCHED) {
            here.watch("SELECT count(*) FROM notes").take(2).toList().map { it.rows[0].long(0) }
        }
        here.watch("SELECT count(*) FROM notes").first()
        here.apply(bytes, Policy.THEIRS)
        assertEquals(listOf(3L, 1L), counts.await())
    }

    @Test
    fun `in a transaction it happens with the rest, or not at all`() = withTwo { here, there ->
        here.execute("CREATE TABLE received (number INTEGER)")
        val bytes = there.changes("UPDATE notes SET text = 'theirs' WHERE id = 1")
        assertFailsWith<IllegalStateException> {
            here.transaction { tx ->
                tx.apply(bytes, Policy.THEIRS)
                assertEquals("theirs", tx.queryValue<String>("SELECT text FROM notes WHERE id = 1"))
                error("undone")
            }
        }
        assertEquals("one", here.texts()[1])
        val done = here.transaction { tx ->
            tx.execute("INSERT INTO received VALUES (7)")
            tx.apply(bytes, Policy.ABORT, mapOf("notes" to Policy.OURS))
        }
        assertEquals(emptyList<Conflict>(), done.conflicts)
        assertEquals("theirs" to 7L, here.texts()[1] to here.queryValue<Long>("SELECT number FROM received"))
        here.outbox("notes")
        assertFailsWith<UbiqliteException.InvalidArgument> {
            here.transaction { tx ->
                tx.execute("DELETE FROM notes WHERE id = 2")
                tx.apply(bytes, Policy.THEIRS)
            }
        }
        assertEquals("two", here.texts()[2])
    }

    @Test
    fun `bytes that are no change set are refused, and change nothing`() = withTwo { here, there ->
        val bytes = there.changes("UPDATE notes SET text = 'theirs' WHERE id = 1", "DELETE FROM settings")
        val before = here.all().toString()
        val random = Random(1)
        for (length in 1..300) {
            val wrong = random.nextBytes(length)
            wrong[0] = if (length % 2 == 0) 'T'.code.toByte() else wrong[0]
            val error = assertFailsWith<UbiqliteException> { here.apply(wrong, Policy.THEIRS) }
            assertTrue(error is UbiqliteException.InvalidArgument || error is UbiqliteException.NoSuchTable, "$error")
        }
        for (end in listOf(1, 5, bytes.size - 1)) {
            assertFailsWith<UbiqliteException.InvalidArgument> { here.apply(bytes.copyOf(end), Policy.THEIRS) }
        }
        assertEquals(before, here.all().toString())
        // No change is a change set too.
        assertEquals(emptyList<Conflict>(), here.apply(ByteArray(0), Policy.ABORT).conflicts)
        here.apply(bytes, Policy.ABORT)
    }

    @Test
    fun `the schema of here must fit`() = withTwo { here, there ->
        val bytes = there.changes("UPDATE notes SET text = 'theirs' WHERE id = 1")
        here.execute("ALTER TABLE notes ADD COLUMN more")
        here.apply(bytes, Policy.ABORT)
        here.execute("ALTER TABLE notes RENAME TO others")
        assertEquals("notes", assertFailsWith<UbiqliteException.NoSuchTable> { here.apply(bytes, Policy.ABORT) }.table)
        here.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)")
        assertFailsWith<UbiqliteException.SchemaChanged> { here.apply(bytes, Policy.ABORT) }
        here.batch("DROP TABLE notes; CREATE TABLE parents (id INTEGER PRIMARY KEY);")
        here.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, text REFERENCES parents, tag, updated_at)")
        here.execute("INSERT INTO notes VALUES (1, NULL, 'a', 1)")
        assertFailsWith<UbiqliteException.ForeignKeyViolation> { here.apply(bytes, Policy.THEIRS) }
    }

    @Test
    fun `a call that is cancelled has happened whole or not at all`() = withTwo { here, there ->
        val bytes = there.changes("UPDATE notes SET text = 'theirs'")
        repeat(100) {
            here.execute("UPDATE notes SET text = 'ours'")
            launch(start = CoroutineStart.UNDISPATCHED) { here.apply(bytes, Policy.THEIRS) }.run {
                cancel()
                join()
            }
            // It waits until that one is over.
            here.execute("UPDATE settings SET value = value")
            assertEquals(1, here.texts().values.toSet().size)
        }
    }

    @Test
    fun `a policy is equal to one that decides the same`() {
        assertEquals(Policy.newest("at"), Policy.newest("at"))
        assertEquals(Policy.newest("at").hashCode(), Policy.newest("at").hashCode())
        val all = listOf(Policy.THEIRS, Policy.OURS, Policy.ABORT, Policy.newest("at"), Policy.newest("theirs"))
        assertEquals(all.size, all.toSet().size)
        assertNotEquals(Policy.THEIRS, null)
        assertEquals("[theirs, ours, abort, newest(at), newest(theirs)]", all.toString())
    }

    @Test
    fun `the scope function of the same name is still there`() = withDatabase { db ->
        var path = ""
        assertEquals(db, db.apply { path = this.path })
        assertEquals(db.path, path)
    }
}
