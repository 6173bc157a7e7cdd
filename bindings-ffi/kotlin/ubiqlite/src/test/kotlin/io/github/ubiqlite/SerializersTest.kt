package io.github.ubiqlite

import java.io.File
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.flow.flowOf
import kotlinx.datetime.LocalDateTime
import kotlinx.datetime.serializers.LocalDateTimeComponentSerializer
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.builtins.ListSerializer
import kotlinx.serialization.builtins.nullable
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** A value is written by the serializer that reads it, and a value without a serializer is refused. */
class SerializersTest {
    private object Millis : KSerializer<Duration> {
        // The same name as the type's own serializer, as a program may well choose.
        override val descriptor = PrimitiveSerialDescriptor("Duration", PrimitiveKind.LONG)
        override fun deserialize(decoder: Decoder) = decoder.decodeLong().milliseconds
        override fun serialize(encoder: Encoder, value: Duration) = encoder.encodeLong(value.inWholeMilliseconds)
    }

    private object Words : KSerializer<Duration> {
        override val descriptor = PrimitiveSerialDescriptor("Duration", PrimitiveKind.STRING)
        override fun deserialize(decoder: Decoder) = decoder.decodeString().removeSuffix(" ms").toLong().milliseconds
        override fun serialize(encoder: Encoder, value: Duration) = encoder.encodeString("${value.inWholeMilliseconds} ms")
    }

    @Serializable
    private data class Times(
        val id: Long,
        @Serializable(with = Millis::class) val took: Duration,
        @Serializable(with = Words::class) val told: Duration,
        @Serializable(with = LocalDateTimeComponentSerializer::class) val at: LocalDateTime,
        val waited: Duration,
    )

    @Test
    fun `a time is written as the serializer that the program chose writes it`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, took, told, at, waited)")
        val times = Times(1, 1500.milliseconds, 20.milliseconds, LocalDateTime(2026, 1, 31, 12, 0), 1500.milliseconds)
        db.table("t").insert(times)
        val row = db.queryOne("SELECT * FROM t")
        assertEquals(listOf<Any?>(1500L, "20 ms", "PT1.500S"), listOf(row["took"], row["told"], row["waited"]))
        assertTrue(row.string("at").startsWith("""{"year":2026"""), row.string("at"))
        assertEquals(times, row.into<Times>())
    }

    @Serializable
    private data class Box<T>(val id: Long, val v: T)

    private suspend inline fun <reified T> throughATable(db: Database, v: T): Pair<Any?, T> {
        val id = db.table("t").insert(Box(db.table("t").count() + 1, v))
        val row = db.table("t").get(id) ?: throw AssertionError("no row")
        return row["v"] to row.into<Box<T>>().v
    }

    @Test
    fun `a parameter of a class may be a type that can be null`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
        assertEquals("[1,2]" to listOf(1, 2), throughATable<List<Int>?>(db, listOf(1, 2)))
        assertEquals(null to null, throughATable<List<Int>?>(db, null))
        assertEquals("PT1.500S" to 1500.milliseconds, throughATable<Duration?>(db, 1500.milliseconds))
        assertEquals(7L to 7u, throughATable<UInt?>(db, 7u))
        assertEquals(null to null, throughATable<String?>(db, null))
        val (cell, bytes) = throughATable<ByteArray?>(db, byteArrayOf(1, -1))
        assertArrayEquals(byteArrayOf(1, -1), cell as? ByteArray)
        assertArrayEquals(byteArrayOf(1, -1), bytes)
        assertEquals(null to null, throughATable<ByteArray?>(db, null))
        assertNull(db.queryValue<List<Int>?>("SELECT NULL"))
    }

    private val tags = ListSerializer(String.serializer()).nullable

    /** A serializer of a nullable type, other than the one that the library derives from a question mark. */
    private object Tags : KSerializer<List<String>?> {
        private val inner = ListSerializer(String.serializer())

        @OptIn(ExperimentalSerializationApi::class)
        override val descriptor = inner.nullable.descriptor
        override fun deserialize(decoder: Decoder) = inner.nullable.deserialize(decoder)

        @OptIn(ExperimentalSerializationApi::class)
        override fun serialize(encoder: Encoder, value: List<String>?) = if (value == null) encoder.encodeNull() else inner.serialize(encoder, value)
    }

    /** A serializer that writes the word `none` for null. */
    private object Word : KSerializer<String?> {
        override val descriptor = String.serializer().nullable.descriptor
        override fun deserialize(decoder: Decoder) = decoder.decodeString().takeIf { it != "none" }
        override fun serialize(encoder: Encoder, value: String?) = encoder.encodeString(value ?: "none")
    }

    @Serializable
    private data class Own(
        val id: Long,
        @Serializable(with = Tags::class) val tags: List<String>?,
        @Serializable(with = Word::class) val word: String?,
    )

    @Test
    fun `a serializer of the program's own may be of a type that can be null`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, tags, word)")
        for (own in listOf(Own(1, listOf("a"), "b"), Own(2, null, null))) {
            db.table("t").insert(own)
            assertEquals(own, db.table("t").get(own.id)?.into<Own>())
        }
        assertEquals(listOf<Any?>("""["a"]""", null), db.query("SELECT tags FROM t ORDER BY id").map { it[0] })
        assertEquals("none", db.queryValue<String>("SELECT word FROM t WHERE id = 2"))
        assertNull(db.queryOne("SELECT tags FROM t WHERE id = 2").into(tags))
    }

    @Serializable
    private data class Two(val id: Long, val fullName: String, @SerialName("full_name") val other: String)

    @Test
    fun `two properties of one column are refused`() = withDatabase({ snakeCase = true }) { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, full_name TEXT)")
        val two = Two(1, "Ada", "Grace")
        val writes = listOf<suspend () -> Any?>(
            { db.table("t").insert(two) }, { db.table("t").upsert(two) }, { db.table("t").update(1, two) },
        )
        for (write in writes) {
            val error = assertFailsWith<UbiqliteException.InvalidArgument> { write() }
            assertTrue("\"full_name\"" in error.message.orEmpty(), error.message)
        }
        assertEquals(0, assertFailsWith<UbiqliteException.InvalidArgument> { db.table("t").insertMany(listOf(two)) }.index)
        assertEquals(0L, db.table("t").count())
    }

    private class Bare(val id: Long)

    @Test
    fun `a class that has no serializer is refused as an argument`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        val row = db.queryOne("SELECT 1 AS id")
        val table = db.table("t")
        val uses = listOf<Pair<String, suspend () -> Any?>>(
            "File" to { row.into<File>() }, "File" to { row.into<File?>() }, "File" to { row.into<List<File>>() },
            "List" to { row.into<List<*>>() }, "File" to { db.queryValue<File>("SELECT 1") },
            "Bare" to { table.insert(Bare(1)) }, "Bare" to { table.upsert(Bare(1)) }, "Bare" to { table.update(1, Bare(1)) },
            "Bare" to { table.insertMany(listOf(Bare(1))) }, "Bare" to { table.insertMany(flowOf(Bare(1))) },
        )
        for ((name, use) in uses) {
            val error = assertFailsWith<UbiqliteException.InvalidArgument> { use() }
            assertTrue(name in error.message.orEmpty() && '\n' !in error.message.orEmpty(), error.message)
        }
        assertEquals(0L, table.count())
    }
}
