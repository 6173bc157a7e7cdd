package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Blob
import io.r2dbc.spi.Clob
import java.math.BigDecimal
import java.math.BigInteger
import java.nio.ByteBuffer
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.time.OffsetDateTime
import java.time.ZoneOffset
import java.util.UUID
import kotlinx.serialization.SerialName
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import reactor.core.publisher.Flux
import reactor.core.publisher.Mono

class ValuesTest {
    enum class Colour {
        RED,

        @SerialName("green")
        GREEN,
    }

    @Test
    fun `what is bound is read back equal as the same type`() = inMemory { connection ->
        val moment = Instant.parse("2026-01-31T12:00:00.123456789Z")
        val values = listOf(
            7, 7L, Long.MIN_VALUE, 7.toShort(), 7.toByte(), 1.5, 1.5f, true, false, "text", 'c', BigDecimal("1.50"), BigInteger("-9"),
            moment, moment.atOffset(ZoneOffset.UTC), moment.atZone(ZoneOffset.UTC), LocalDate.of(2026, 1, 31),
            LocalTime.of(12, 30), LocalDateTime.of(2026, 1, 31, 12, 0, 0, 5), UUID.randomUUID(), Colour.RED, Colour.GREEN,
            ByteBuffer.wrap(byteArrayOf(1, 2)),
        )
        for (value in values) {
            val type: Class<out Any> = if (value is ByteBuffer) ByteBuffer::class.java else value.javaClass
            val read = connection.createStatement("SELECT ?").bind(0, value).rows { it.get(0, type) }
            assertEquals(listOf(value), read)
        }
        assertArrayEquals(byteArrayOf(3), connection.createStatement("SELECT ?").bind(0, byteArrayOf(3)).rows { it.get(0, ByteArray::class.java) }[0])
    }

    private fun read(sql: String, type: Class<*>): Any? {
        var value: Any? = null
        inMemory { connection ->
            connection.createStatement(sql).rows { row ->
                value = row.get(0, type)
                1
            }
        }
        return value
    }

    @Test
    fun `without a type an integer is an Int where it is one`() = inMemory { connection ->
        val sql = "SELECT 2147483647 AS a, 2147483648 AS b, 1.0 AS c, 'x' AS d, x'01' AS e, NULL AS f"
        val row = connection.createStatement(sql).rows { row -> List(6) { row.get(it) } }.single()
        assertEquals(listOf(2147483647, 2147483648, 1.0, "x", ByteBuffer.wrap(byteArrayOf(1)), null), row)
        val types = connection.createStatement(sql).rows { row -> row.metadata.columnMetadatas.map { "${it.name} ${it.type.name}" } }.single()
        assertEquals(listOf("a INTEGER", "b INTEGER", "c REAL", "d TEXT", "e BLOB", "f NULL"), types)
    }

    @Test
    fun `a value is never rounded, cut or guessed`() {
        assertEquals(5, read("SELECT 5.0", Int::class.javaPrimitiveType!!))
        assertEquals(5L, read("SELECT 5.0", Long::class.javaObjectType))
        assertEquals(5.0, read("SELECT 5", Double::class.javaObjectType))
        assertEquals(BigDecimal("0.1"), read("SELECT 0.1", BigDecimal::class.java))
        assertEquals("5", read("SELECT 5", String::class.java))
        assertEquals(5, read("SELECT 5", Number::class.java))
        assertNull(read("SELECT NULL", Int::class.javaPrimitiveType!!))
        val refused = listOf(
            "2147483648" to Int::class.javaObjectType, "40000" to Short::class.javaObjectType, "300" to Byte::class.javaObjectType,
            "2" to Boolean::class.javaObjectType, "9007199254740993" to Double::class.javaObjectType, "0.1" to Float::class.javaObjectType,
            "1.5" to Long::class.javaObjectType, "9e99" to Long::class.javaObjectType, "9e99" to Int::class.javaObjectType,
            "'5'" to Int::class.javaObjectType, "'x'" to UUID::class.java, "'x'" to Instant::class.java,
            "'x'" to BigDecimal::class.java, "x'01'" to String::class.java, "5" to LocalDate::class.java, "'BLUE'" to Colour::class.java,
            "'xy'" to Char::class.javaObjectType, "5" to List::class.java,
        )
        for ((value, type) in refused) {
            val error = assertThrows(IllegalArgumentException::class.java, { read("SELECT $value AS v", type) }, "$value as $type")
            assertEquals(true, error.message!!.startsWith("column \"v\": "), error.message)
        }
    }

    @Test
    fun `times are read as SQLite's functions and others write them`() {
        assertEquals(LocalDateTime.of(2026, 1, 31, 12, 0, 5), read("SELECT datetime('2026-01-31 12:00:05')", LocalDateTime::class.java))
        assertEquals(Instant.parse("2026-01-31T12:00:05Z"), read("SELECT datetime('2026-01-31 12:00:05')", Instant::class.java))
        assertEquals(OffsetDateTime.parse("2026-01-31T12:00:05+02:00"), read("SELECT '2026-01-31T12:00:05+02:00'", OffsetDateTime::class.java))
        assertEquals(Instant.parse("2026-01-31T17:00:05Z"), read("SELECT '2026-01-31 12:00:05-05:00'", Instant::class.java))
        assertEquals(LocalTime.of(12, 0, 5), read("SELECT '12:00:05'", LocalTime::class.java))
        assertEquals(UUID(1, 2), read("SELECT x'00000000000000010000000000000002'", UUID::class.java))
    }

    @Test
    fun `large values are streams that are read when the statement runs`() = inMemory { connection ->
        connection.run("CREATE TABLE t (b, c)")
        val pieces = List(100) { ByteBuffer.wrap(ByteArray(1000) { i -> i.toByte() }) }
        connection.createStatement("INSERT INTO t VALUES (?, ?)")
            .bind(0, Blob.from(Flux.fromIterable(pieces))).bind(1, Clob.from(Flux.just("ab", "ü"))).run()
        assertEquals(listOf(100_000), connection.values("SELECT length(b) FROM t"))
        val clob = connection.createStatement("SELECT c FROM t").rows { it.get(0, Clob::class.java) }.single()
        assertEquals("abü", Flux.from(clob.stream()).reduce("") { all, piece -> all + piece }.block(PATIENCE))
        Mono.from(clob.discard()).block(PATIENCE)
        val blob = connection.createStatement("SELECT b FROM t").rows { it.get(0, Blob::class.java) }.single()
        assertEquals(100_000L, Flux.from(blob.stream()).map { it.remaining().toLong() }.reduce(Long::plus).block(PATIENCE)!!)
        val broken = connection.createStatement("INSERT INTO t VALUES (?, 1)").bind(0, Blob.from(Flux.error(IllegalStateException("lost"))))
        assertEquals("lost", assertThrows(IllegalStateException::class.java) { broken.run() }.message)
    }

    @Test
    fun `columns of one name have that name and the first is found by it`() = inMemory { connection ->
        val row = connection.createStatement("SELECT 1 AS id, 2 AS ID, 3 AS id, 4 AS \"a:2\", 5 AS id").rows { row ->
            listOf(row.get("id"), row.get("Id"), row.get("ID"), row.metadata.columnMetadatas.map { it.name }, row.metadata.contains("A:2"), row.metadata.contains("id:2"))
        }.single()
        assertEquals(listOf(1, 1, 2, listOf("id", "ID", "id", "a:2", "id"), true, false), row)
    }
}
