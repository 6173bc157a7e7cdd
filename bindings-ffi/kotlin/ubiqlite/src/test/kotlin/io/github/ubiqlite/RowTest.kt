package io.github.ubiqlite

import kotlinx.coroutines.flow.flow
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class RowTest {
    @Serializable
    private enum class Status { NEW, DONE }

    @Serializable
    private data class Details(val watt: Int, val tags: List<String> = emptyList())

    @Serializable
    private data class Item(
        val id: Long,
        @SerialName("full_name") val name: String,
        val data: Details?,
        val status: Status = Status.NEW,
        val value: Double? = null,
        val on: Boolean = false,
        val bytes: ByteArray = ByteArray(0),
        val absent: Int = 7,
    )

    @Serializable
    @JvmInline
    private value class Id(val id: Long)

    @Test
    fun `a row becomes a class by the names of its columns, and JSON in it becomes what it holds`() = withDatabase { db ->
        val sql = """SELECT 3 AS id, 'lamp' AS full_name, '{"watt":40,"tags":["a"]}' AS data, 'DONE' AS status,
            2 AS value, 1 AS "on", x'01ff' AS bytes, 'more' AS other"""
        val item = db.queryOne(sql).into<Item>()
        assertEquals(Item(3, "lamp", Details(40, listOf("a")), Status.DONE, 2.0, true, item.bytes), item)
        assertArrayEquals(byteArrayOf(1, -1), item.bytes)
        assertEquals(3, db.queryOne(sql).into<Item?>()?.id)
        assertNull(db.queryOne("SELECT 3 AS id, 'x' AS full_name, NULL AS data").into<Item>().data)
    }

    @Test
    fun `a row of one column may be the value alone`() = withDatabase { db ->
        assertEquals(7, db.queryOne("SELECT 7").into<Int>())
        assertEquals(Id(7), db.queryOne("SELECT 7").into<Id>())
        assertEquals(listOf(1, 2), db.queryOne("SELECT '[1,2]'").into<List<Int>>())
        assertNull(db.queryOne("SELECT NULL").into<Long?>())
        assertEquals(Status.DONE, db.queryValue<Status>("SELECT 'DONE'"))
        assertEquals("x", db.queryValue<String?>("SELECT 'x'"))
        assertNull(db.queryValue<Double?>("SELECT NULL"))
        assertEquals(2.0, db.queryValue<Double>("SELECT 2"))
    }

    @Test
    fun `a value that does not fit is refused, and the message names its column`() = withDatabase { db ->
        val row = db.queryOne("SELECT 'x' AS name, 3000000000 AS big, NULL AS none, 9007199254740993 AS odd, 2 AS two")
        val refused = listOf<() -> Any?>(
            { row.long("name") }, { row.int("big") }, { row.string("none") }, { row.double("odd") }, { row.boolean("two") },
        )
        for ((read, column) in refused.zip(listOf("name", "big", "none", "odd", "two"))) {
            val error = assertFailsWith<UbiqliteException.DatatypeMismatch> { read() }
            assertTrue("\"$column\"" in error.message.orEmpty(), error.message)
        }
        assertEquals(listOf("other"), assertFailsWith<UbiqliteException.NoSuchColumn> { row["other"] }.columns)
        assertFailsWith<UbiqliteException.NoSuchColumn> { row[5] }
        assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryOne("SELECT 1 AS id, 'not JSON' AS data, '' AS full_name").into<Item>() }
        assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryOne("SELECT 1 AS id").into<Item>() }
        assertFailsWith<UbiqliteException.InvalidArgument> { row.into<Int>() }
    }

    @Test
    fun `rows of many pages are each at their place`() = withDatabase { db ->
        val rows = db.query("WITH RECURSIVE r(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 49999) SELECT i, 'row ' || i FROM r")
        assertEquals(50_000, rows.size)
        for (index in listOf(0, 1, 999, 1000, 25_000, 49_999)) assertEquals("row $index", rows[index].string(1))
        var next = 0L
        for (row in rows) assertEquals(next++, row.long(0))
        assertFailsWith<IndexOutOfBoundsException> { rows[50_000] }
    }

    @Test
    fun `a flow of rows is inserted as it comes, and what it throws leaves nothing`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        assertEquals(5000L, db.executeMany("INSERT INTO t VALUES (?)", flow { repeat(5000) { emit(listOf(it)) } }))
        assertFailsWith<IllegalStateException> {
            db.executeMany("INSERT INTO t VALUES (?)", flow { repeat(5000) { emit(listOf(it)) }; error("no more") })
        }
        val wrong = assertFailsWith<UbiqliteException.InvalidArgument> {
            // Endless, except for the error.
            db.executeMany("INSERT INTO t VALUES (?)", flow { while (true) emit(listOf(1, 2)) })
        }
        assertEquals(0, wrong.index)
        assertEquals(5000L, db.queryValue<Long>("SELECT count(*) FROM t"))
        db.table("t").insert("x" to 1)
    }

    @Serializable
    private data class Unsigned(val a: UByte, val b: UShort, val c: UInt, val d: ULong)

    @Serializable
    @JvmInline
    private value class Count(val count: UInt)

    @Test
    fun `an unsigned number is read as what was written, and a negative one is none`() = withDatabase { db ->
        val most = Unsigned(UByte.MAX_VALUE, UShort.MAX_VALUE, UInt.MAX_VALUE, Long.MAX_VALUE.toULong())
        for (all in listOf(Unsigned(0u, 0u, 0u, 0u), Unsigned(200u, 60_000u, 3_000_000_000u, 5u), most)) {
            assertEquals(all, db.queryOne("SELECT ? AS a, ? AS b, ? AS c, ? AS d", all.a, all.b, all.c, all.d).into<Unsigned>())
        }
        assertEquals(200.toUByte(), db.queryValue<UByte>("SELECT 200"))
        assertEquals(Count(UInt.MAX_VALUE), db.queryValue<Count>("SELECT 4294967295"))
        assertNull(db.queryValue<UInt?>("SELECT NULL"))
        val refused = listOf<suspend () -> Any?>(
            { db.queryValue<UByte>("SELECT -1") }, { db.queryValue<UByte>("SELECT 256") }, { db.queryValue<UShort>("SELECT -1") },
            { db.queryValue<UShort>("SELECT 65536") }, { db.queryValue<UInt>("SELECT -1") },
            { db.queryValue<UInt>("SELECT 4294967296") }, { db.queryValue<ULong>("SELECT -1") },
            { db.queryValue<Count>("SELECT -1") }, { db.queryValue<Byte>("SELECT 200") },
        )
        for (read in refused) assertFailsWith<UbiqliteException.DatatypeMismatch> { read() }
        val error = assertFailsWith<UbiqliteException.DatatypeMismatch> {
            db.queryOne("SELECT 1 AS a, 2 AS b, -3 AS c, 4 AS d").into<Unsigned>()
        }
        assertEquals(listOf("c"), error.columns)
    }

    @Test
    fun `a Float is never rounded`() = withDatabase { db ->
        for (whole in listOf(0.5f, 16_777_216f, 0.1f, Float.MAX_VALUE)) assertEquals(whole, db.queryValue<Float>("SELECT ?", whole))
        for (sql in listOf("SELECT 16777217", "SELECT 1e300", "SELECT 0.1")) {
            assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryValue<Float>(sql) }
        }
    }

    private class Own : Exception("of its own")

    private abstract class Failing(private val error: () -> Throwable) : KSerializer<String> {
        override val descriptor = PrimitiveSerialDescriptor("failing", PrimitiveKind.STRING)
        override fun deserialize(decoder: Decoder): String = throw error()
        override fun serialize(encoder: Encoder, value: String) = encoder.encodeString(value)
    }

    private object Argument : Failing({ IllegalArgumentException("no argument") })

    private object Null : Failing({ NullPointerException() })

    private object Mine : Failing({ Own() })

    @Serializable
    private data class First(val id: Long, @Serializable(with = Argument::class) val at: String)

    @Serializable
    private data class Second(val id: Long, @Serializable(with = Null::class) val at: String)

    @Serializable
    private data class Third(val id: Long, @Serializable(with = Mine::class) val at: String)

    @Serializable
    private data class Positive(val id: Long) {
        init {
            require(id > 0) { "not positive" }
        }
    }

    @Test
    fun `what a serializer throws names its column`() = withDatabase { db ->
        val row = db.queryOne("SELECT 1 AS id, 'x' AS at")
        for (read in listOf<() -> Any>({ row.into<First>() }, { row.into<Second>() }, { row.into<Third>() })) {
            val error = assertFailsWith<UbiqliteException.DatatypeMismatch> { read() }
            assertEquals(listOf("at"), error.columns)
            assertTrue("\"at\"" in error.message.orEmpty(), error.message)
            assertTrue(error.cause != null)
        }
        assertTrue(assertFailsWith<UbiqliteException.DatatypeMismatch> { row.into<Third>() }.cause is Own)
        val made = assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryOne("SELECT -1 AS id").into<Positive>() }
        assertTrue("not positive" in made.message.orEmpty(), made.message)
        assertEquals(listOf("at"), assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryOne("SELECT 1 AS id").into<First>() }.columns)
        val json = assertFailsWith<UbiqliteException.DatatypeMismatch> {
            db.queryOne("SELECT 1 AS id, 'x' AS full_name, '{' AS data").into<Item>()
        }
        assertEquals(listOf("data"), json.columns)
    }

    @Test
    fun `a column is found in whatever case, and exactly first`() = withDatabase { db ->
        val row = db.queryOne("SELECT 1 AS id, 2 AS Name, 3 AS name, 4 AS \"Ä\"")
        assertEquals(listOf<Any?>(1L, 3L, 2L, 2L, 4L), listOf(row["ID"], row["name"], row["Name"], row["NAME"], row["Ä"]))
        assertEquals(-1, row.indexOf("ä"))
        assertFailsWith<UbiqliteException.NoSuchColumn> { row["ä"] }
    }

    @Test
    fun `rows are equal by their columns and values`() = withDatabase { db ->
        val sql = "SELECT 1 AS a, 'x' AS b, x'01' AS c, NULL AS d, 2.5 AS e"
        val (one, other) = db.queryOne(sql) to db.queryOne(sql)
        assertEquals(one, other)
        assertEquals(one.hashCode(), other.hashCode())
        assertEquals(1, setOf(one, other).size)
        for (different in listOf(
            sql.replace("x'01'", "x'02'"), sql.replace("AS a", "AS z"), "SELECT 'x' AS b, 1 AS a, x'01' AS c, NULL AS d, 2.5 AS e",
            sql.replace("1 AS a", "1.0 AS a"),
        )) assertTrue(one != db.queryOne(different), different)
    }
}
