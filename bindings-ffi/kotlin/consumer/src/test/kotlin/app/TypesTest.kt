package app

import io.github.ubiqlite.Database
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import kotlin.uuid.ExperimentalUuidApi
import kotlin.uuid.Uuid
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Contextual
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** The library reads what the compiler generates for a class, which differs between versions of Kotlin. */
@OptIn(ExperimentalTime::class, ExperimentalUuidApi::class)
class TypesTest {
    @Serializable
    private enum class Level {
        @SerialName("low")
        LOW,
    }

    private enum class Plain {
        @SerialName("first")
        FIRST,
    }

    @JvmInline
    private value class Count(val count: UInt)

    @Serializable
    private data class Details(val watt: Int)

    @Serializable
    private data class Item(
        val itemId: Long?,
        val level: Level,
        val took: Duration,
        val uuid: Uuid,
        @Contextual val madeAt: Instant,
        val size: ULong,
        val details: Details,
    )

    @Test
    fun `an object is written to a row and read back`() = runBlocking {
        Database.open(":memory:") { snakeCase = true }.use { db ->
            db.batch("CREATE TABLE items (item_id INTEGER PRIMARY KEY, level, took, uuid, made_at, size, details)")
            val item = Item(null, Level.LOW, 1500.milliseconds, Uuid.random(), Instant.parse("2026-01-31T12:00:00Z"), 7u, Details(40))
            val id = db.table("items").insert(item) as Long
            assertEquals(item.copy(itemId = id), db.table("items").get(id)?.into<Item>())
            assertEquals("low", db.queryValue<String>("SELECT level FROM items WHERE level = ?", Level.LOW))
        }
    }

    @Test
    fun `a value that is not Serializable is written too`() = runBlocking {
        Database.open(":memory:").use { db ->
            assertEquals(UInt.MAX_VALUE, db.queryValue<UInt>("SELECT ?", Count(UInt.MAX_VALUE)))
            assertEquals("first", db.queryValue<String>("SELECT ?", Plain.FIRST))
            assertEquals(Instant.parse("2026-01-31T12:00:00Z"), db.queryValue<Instant>("SELECT ?", Instant.parse("2026-01-31T12:00:00Z")))
        }
    }

    @Test
    fun `a main function without a dispatcher may block`() {
        val main: suspend () -> Long = {
            Database.open(":memory:").use { db ->
                db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (7)")
                runBlocking { db.queryValue<Long>("SELECT x FROM t") }
            }
        }
        val ended = CompletableFuture<Long>()
        main.startCoroutine(Continuation(EmptyCoroutineContext) { result -> result.fold(ended::complete, ended::completeExceptionally) })
        assertEquals(7L, ended.get(30, TimeUnit.SECONDS))
    }
}
