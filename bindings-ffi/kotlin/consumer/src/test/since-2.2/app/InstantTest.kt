package app

import io.github.ubiqlite.Database
import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

@OptIn(ExperimentalTime::class)
class InstantTest {
    @Serializable
    private data class Event(val id: Long?, val at: Instant)

    @Test
    fun `an Instant that needs no annotation is text of one width, too`() = runBlocking {
        Database.open(":memory:").use { db ->
            db.batch("CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT)")
            val at = Instant.parse("2026-01-31T12:00:00.25Z")
            val id = db.table("events").insert(Event(null, at))
            assertEquals("2026-01-31T12:00:00.250000000Z", db.queryValue<String>("SELECT at FROM events"))
            assertEquals(Event(id as Long, at), db.table("events").select().where("at", at).first()?.into<Event>())
            assertEquals(at, db.queryValue<Instant>("SELECT at FROM events"))
        }
    }
}
