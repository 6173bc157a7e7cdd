package io.github.ubiqlite

import kotlinx.coroutines.flow.flow
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
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
            // Without an end, but for the error.
            db.executeMany("INSERT INTO t VALUES (?)", flow { while (true) emit(listOf(1, 2)) })
        }
        assertEquals(0, wrong.index)
        assertEquals(5000L, db.queryValue<Long>("SELECT count(*) FROM t"))
        db.table("t").insert("x" to 1)
    }
}
