package guide

import io.github.ubiqlite.Comparison
import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.withDatabase
import java.math.BigDecimal
import java.math.BigInteger
import java.time.Instant
import java.util.UUID
import kotlinx.serialization.Contextual
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about values. */
class ValuesGuideTest {
    // #region jsontype
    @Serializable
    data class Details(val watt: Int, val colours: List<String>)

    @Serializable
    data class Item(
        val id: Long? = null,
        val name: String,
        val data: Details? = null, // a class in a property is JSON text in the column
    )
    // #endregion jsontype

    // #region datetype
    @Serializable
    data class Visit(val page: String, @Contextual val at: Instant)
    // #endregion datetype

    // #region exacttype
    @Serializable
    data class Payment(@Contextual val id: UUID, @Contextual val amount: BigDecimal)
    // #endregion exacttype

    private fun withTables(test: suspend (Database) -> Unit) = withDatabase { db ->
        db.batch(
            """
            CREATE TABLE items (
                id INTEGER PRIMARY KEY, name TEXT NOT NULL, sold INTEGER NOT NULL DEFAULT 0, price REAL,
                photo BLOB, data TEXT CHECK (json_valid(data)));
            CREATE TABLE payments (id TEXT PRIMARY KEY, amount TEXT NOT NULL);
            """,
        )
        test(db)
    }

    @Test
    fun `each type comes back`() = withTables { db ->
        val items = db.table("items")
        // #region types
        val photo = byteArrayOf(-1, -40, -1)
        val id = items.insert("name" to "lamp", "sold" to true, "price" to null, "photo" to photo)

        val row = db.queryOne("SELECT * FROM items WHERE id = ?", id)
        val sold = row.boolean("sold")
        val price = row.doubleOrNull("price")
        val stored = row.bytes("photo")
        val unpriced = items.select().whereNull("price").count()
        // #endregion types
        assertTrue(sold)
        assertNull(price)
        assertArrayEquals(photo, stored)
        assertEquals(1, unpriced)
        assertEquals(1L, row.long("sold"))
        assertFailsWith<UbiqliteException.DatatypeMismatch> { row.double("price") }
        assertEquals(1, items.select().where("price", null).count())
        assertEquals(0L, db.queryValue<Long>("SELECT count(*) FROM items WHERE price = ?", null))

        assertEquals(Long.MAX_VALUE, db.queryValue<Long>("SELECT ?", Long.MAX_VALUE))
        val beyond = BigInteger.valueOf(Long.MAX_VALUE) + BigInteger.ONE
        assertFailsWith<UbiqliteException.InvalidArgument> { db.queryValue<Any?>("SELECT ?", beyond) }
        assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryValue<Long>("SELECT 1.5") }
        assertEquals("null", db.queryValue<String>("SELECT typeof(?)", Double.NaN))
        assertEquals("real", db.queryValue<String>("SELECT typeof(?)", 20.0))
    }

    @Test
    fun `a JSON column`() = withTables { db ->
        val items = db.table("items")
        // #region json
        val id = items.insert(Item(name = "lamp", data = Details(40, listOf("red"))))

        val lamp = items.get(id)?.into<Item>()
        val watt = db.queryValue<Long>("SELECT data ->> 'watt' FROM items")
        // #endregion json
        assertEquals(Item(1, "lamp", Details(40, listOf("red"))), lamp)
        assertEquals(40, watt)
        assertEquals("""{"watt":40,"colours":["red"]}""", db.queryValue<String>("SELECT data FROM items"))
        items.update(id, "data" to mapOf("watt" to 60, "colours" to emptyList<String>()))
        assertEquals(Details(60, emptyList()), items.get(id)?.into<Item>()?.data)
        assertFailsWith<UbiqliteException.InvalidArgument> { items.update(id, "data" to mapOf("watt" to Double.NaN)) }
    }

    @Test
    fun `moments sort by time`() = withTables { db ->
        // #region datetable
        db.batch(
            """
            CREATE TABLE visits (
                page TEXT NOT NULL,
                at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))
            """,
        )
        // #endregion datetable
        // #region dates
        val visits = db.table("visits")
        visits.insert(Visit("/", Instant.parse("2026-01-31T12:00:00Z")))
        visits.insert("page" to "/about") // now, from the column's default

        val since = Instant.parse("2026-01-31T00:00:00Z")
        val found = visits.select().where("at", Comparison.GE, since).orderBy("at").all().map { it.into<Visit>() }
        // #endregion dates
        assertEquals(Instant.parse("2026-01-31T12:00:00Z"), found.first { it.page == "/" }.at)
        val text = db.queryValue<String>("SELECT at FROM visits WHERE page = '/'")
        assertEquals("2026-01-31T12:00:00.000000000Z", text)
        assertEquals(text.length, db.queryValue<String>("SELECT at FROM visits WHERE page = '/about'").length)

        val atNoon = "SELECT '2026-01-31 12:00:00' >= ?1, '2026-01-31 12:00:00' >= datetime(?1)"
        val row = db.queryOne(atNoon, since)
        assertEquals(listOf(false, true), listOf(row.boolean(0), row.boolean(1)))
    }

    @Test
    fun `decimals and UUIDs are text`() = withTables { db ->
        // #region exact
        val payments = db.table("payments")
        val id = UUID.randomUUID()
        payments.insert(Payment(id, BigDecimal("19.90")))

        val payment = payments.get(id)?.into<Payment>()
        // #endregion exact
        assertEquals(Payment(id, BigDecimal("19.90")), payment)
        assertEquals("19.90", db.queryValue<String>("SELECT amount FROM payments"))
    }
}
