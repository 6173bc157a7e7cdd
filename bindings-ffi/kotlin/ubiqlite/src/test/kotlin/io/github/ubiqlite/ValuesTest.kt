package io.github.ubiqlite

import java.math.BigDecimal
import java.math.BigInteger
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.time.OffsetDateTime
import java.util.UUID
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Features that only Kotlin has; all else is in the scenarios. */
class ValuesTest {
    private enum class Status { NEW }

    private suspend fun Database.echo(value: Any?): Any? = queryValue<Any?>("SELECT ?", value)

    @Test
    fun `times are text of one width, in UTC, with no digit lost`() = withDatabase { db ->
        assertEquals("2026-01-31T12:00:00.000000000Z", db.echo(Instant.parse("2026-01-31T12:00:00Z")))
        assertEquals("2026-01-31T12:00:00.123456000Z", db.echo(Instant.parse("2026-01-31T12:00:00.123456Z")))
        assertEquals("2026-01-31T12:00:00.000000001Z", db.echo(Instant.parse("2026-01-31T12:00:00.000000001Z")))
        assertEquals("2026-01-31T10:00:00.000000000Z", db.echo(OffsetDateTime.parse("2026-01-31T12:00:00+02:00")))
        assertEquals("2026-01-31", db.echo(LocalDate.of(2026, 1, 31)))
        assertEquals("12:00:00.000000000", db.echo(LocalTime.of(12, 0)))
        assertEquals("2026-01-31T12:00:00.000000007", db.echo(LocalDateTime.of(2026, 1, 31, 12, 0, 0, 7)))
        for (late in listOf(LocalDate.of(10_000, 1, 1), LocalDateTime.of(-1, 1, 1, 0, 0), Instant.parse("+10000-01-01T00:00:00Z"))) {
            assertFailsWith<UbiqliteException.InvalidArgument> { db.echo(late) }
            assertFailsWith<UbiqliteException.InvalidArgument> { db.echo(listOf(late)) }
        }
    }

    @Test
    fun `numbers of every width are integers, and one beyond 64 bits is refused by name`() = withDatabase { db ->
        val values = listOf<Any>(7.toByte(), 7.toShort(), 7, 7L, 7.toUByte(), 7.toUShort(), 7u, 7uL, BigInteger.valueOf(7))
        for (value in values) assertEquals(7L, db.echo(value), value.javaClass.name)
        assertEquals(1.5, db.echo(1.5f))
        for (large in listOf<Any>(ULong.MAX_VALUE, BigInteger.TWO.pow(63), -BigInteger.TWO.pow(63) - BigInteger.ONE)) {
            val error = assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT :big", "big" to large) }
            assertTrue("\"big\"" in error.message.orEmpty(), error.message)
        }
    }

    @Test
    fun `what is stored as text comes back as it was written`() = withDatabase { db ->
        val uuid = UUID.randomUUID()
        assertEquals(uuid.toString(), db.echo(uuid))
        assertEquals("NEW", db.echo(Status.NEW))
        assertEquals("100000000000000000000.10", db.echo(BigDecimal("100000000000000000000.10")))
        assertEquals("""{"a":[1,null,true,"x\"\u0001"],"b":{}}""", db.echo(mapOf("a" to listOf(1, null, true, "x\"\u0001"), "b" to emptyMap<String, Any?>())))
        assertEquals("[\"\\ud800\"]", db.echo(listOf("\ud800")))
    }

    @Test
    fun `what is no value is refused, and the message tells which`() = withDatabase { db ->
        val error = assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT ?, ?", 1, Any()) }
        assertTrue("parameter 2 is a java.lang.Object" in error.message.orEmpty(), error.message)
        assertFailsWith<UbiqliteException.InvalidArgument> { db.echo(listOf(Double.NaN)) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.echo(mapOf(1 to 2)) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT ?, ?", 1, "a" to 2) }
        val own = ArrayList<Any?>().apply { add(this) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.echo(own) }
        val index = assertFailsWith<UbiqliteException.InvalidArgument> {
            db.executeMany("SELECT ?", List(2000) { if (it == 1999) listOf(Any()) else listOf(it) })
        }
        assertEquals(1999, index.index)
    }

    @Test
    fun `texts of every length keep every character, and half a pair is refused in each`() = withDatabase { db ->
        for (length in listOf(0, 1, 47, 255, 256, 257, 5000)) {
            for (text in listOf("x", "ß", "数", "𝄞")) {
                val whole = "a".repeat(length) + text
                assertEquals(whole, db.echo(whole))
                assertFailsWith<UbiqliteException.InvalidArgument> { db.echo(whole + "\ud800") }
                assertFailsWith<UbiqliteException.InvalidArgument> { db.echo("\udc00$whole") }
            }
        }
        assertEquals("a\ufffdb", db.echo("a\ufffdb"))
    }

    @Test
    fun `parameters as a value are those that they hold`() = withDatabase { db ->
        assertEquals(3L, db.queryValue<Long>("SELECT ? + ?", Params.of(listOf(1, 2))))
        assertEquals(3L, db.queryValue<Long>("SELECT :a + :b", Params.named(mapOf("a" to 1, ":b" to 2))))
        assertEquals(3L, db.queryValue<Long>("SELECT ? + ?", *listOf(1, 2).toTypedArray()))
    }
}
