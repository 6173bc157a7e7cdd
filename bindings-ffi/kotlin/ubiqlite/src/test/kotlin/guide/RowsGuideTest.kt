package guide

import io.github.ubiqlite.Comparison
import io.github.ubiqlite.Database
import io.github.ubiqlite.Key
import io.github.ubiqlite.Order
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.withDatabase
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.flow.toList
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

// #region type
@Serializable
data class Item(
    val id: Long? = null,
    val name: String,
    val status: String = "new",
    val price: Double? = null,
)
// #endregion type

/** The guide's page about rows. */
class RowsGuideTest {
    private val told = StringBuilder()

    private fun println(text: String) {
        told.append(text)
    }

    private fun withItems(test: suspend (Database) -> Unit) = withDatabase { db ->
        // #region schema
        db.batch(
            """
            CREATE TABLE items (
                id     INTEGER PRIMARY KEY,
                name   TEXT NOT NULL,
                status TEXT NOT NULL DEFAULT 'new',
                price  REAL
            );
            CREATE INDEX items_by_status ON items (status);
            """,
        )
        // #endregion schema
        test(db)
    }

    @Test
    fun `one row by its key`() = withItems { db ->
        // #region insert
        val items = db.table("items")
        val id = items.insert("name" to "lamp", "price" to 19.9)

        val lamp = items.get(id)
        if (lamp != null) println("${lamp.string("name")} is ${lamp.string("status")}") // lamp is new
        // #endregion insert
        assertEquals("lamp is new", told.toString())
        assertEquals(mapOf("id" to 1L, "name" to "lamp", "status" to "new", "price" to 19.9), lamp?.toMap())
        assertNull(items.get(999))

        // #region update
        val found = items.update(id, "status" to "done") // true
        val missing = items.update(999, "status" to "done") // false
        val deleted = items.delete(id) // true
        // #endregion update
        assertEquals(listOf(true, false, true), listOf(found, missing, deleted))
        assertFalse(items.delete(id))
        assertFailsWith<UbiqliteException.NoSuchColumn> { items.update(1, "nmae" to "x") }
        assertFailsWith<UbiqliteException.NoSuchTable> { db.table("itmes").get(1) }
    }

    @Test
    fun `upsert inserts or updates`() = withItems { db ->
        val items = db.table("items")
        // #region upsert
        items.upsert("id" to 7, "name" to "lamp", "price" to 19.9) // inserted
        items.upsert("id" to 7, "name" to "floor lamp") // updated
        // #endregion upsert
        assertEquals(Item(7, "floor lamp", "new", 19.9), db.queryOne("SELECT * FROM items").into<Item>())

        db.batch("CREATE TABLE stock (place TEXT, shelf INTEGER, amount INTEGER, PRIMARY KEY (place, shelf))")
        val stock = db.table("stock")
        assertEquals(Key("eu", 7L), stock.insert("place" to "eu", "shelf" to 7, "amount" to 3))
        assertNotNull(stock.get(Key("eu", 7)))
    }

    @Test
    fun `rows are selected`() = withItems { db ->
        val items = db.table("items")
        items.insert("name" to "lamp", "price" to 19.9)
        items.insert("name" to "chair", "price" to 49.5, "status" to "done")
        items.insert("name" to "nail", "price" to 0.1)
        items.insert("name" to "table", "price" to 99, "status" to "gone")
        // #region select
        val found = items.select()
            .whereIn("status", listOf("new", "done"))
            .where("price", Comparison.GE, 10)
            .orderBy("price", Order.DESC)
            .limit(20)
            .all()
        val new = items.select().where("status", "new").count()
        // #endregion select
        assertEquals(listOf("chair", "lamp") to 2L, found.map { it.string("name") } to new)
    }

    @Test
    fun `SQL has parameters`() = withItems { db ->
        val id = db.table("items").insert("name" to "lamp", "price" to 19.9)
        // #region query
        val sql = "SELECT id, name FROM items WHERE status = ? AND price < ?"
        val cheap = db.query(sql, "new", 50)
        val lamp = db.queryOne("SELECT * FROM items WHERE id = ?", id)
        val count = db.queryValue<Long>("SELECT count(*) FROM items")
        val done = db.execute("UPDATE items SET status = :status WHERE id = :id", "status" to "done", "id" to id)
        println("${done.rowsChanged} rows changed")
        // #endregion query
        assertEquals("1 rows changed", told.toString())
        assertEquals(Triple(1, "lamp", 1L), Triple(cheap.size, lamp.string("name"), count))
        val missing = "SELECT * FROM items WHERE id = 999"
        assertFailsWith<UbiqliteException.NotFound> { db.queryOne(missing) }
        assertNull(db.queryOptional(missing))
        assertFailsWith<UbiqliteException.InvalidArgument> { db.query(sql, "new") }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.execute("DELETE FROM items; DELETE FROM items") }
    }

    @Test
    fun `rows are one's own types`() = withItems { db ->
        val items = db.table("items")
        // #region into
        val id = items.insert(Item(name = "chair")) // the key that is null is given by SQLite

        val read = items.get(id)?.into<Item>()
        val new = db.query("SELECT * FROM items WHERE status = ?", "new").map { it.into<Item>() }
        val names = db.query("SELECT name FROM items").map { it.string(0) }
        // #endregion into
        assertEquals(Item(1, "chair"), read)
        assertEquals(listOf(read), new)
        assertEquals(listOf("chair"), names)
        db.execute("UPDATE items SET price = 'much'")
        val error = assertFailsWith<UbiqliteException.DatatypeMismatch> { items.get(id)?.into<Item>() }
        assertTrue("price" in error.message.orEmpty(), error.message)
    }

    @Test
    fun `many rows are all or none`() = withItems { db ->
        val items = db.table("items")
        // #region many
        val inserted = items.insertMany(List(1000) { mapOf("name" to "item $it") }) // 1000
        val updated = items.updateMany(listOf(1, 2, 5000), "status" to "done") // 2

        val rows = flow { repeat(1000) { emit(listOf("part $it", 0.5)) } }
        db.executeMany("INSERT INTO items (name, price) VALUES (?, ?)", rows)
        // #endregion many
        assertEquals(Triple(1000L, 2L, 2000L), Triple(inserted, updated, items.count()))

        // #region index
        try {
            items.insertMany(listOf(mapOf("name" to "fine"), mapOf("name" to null)))
        } catch (error: UbiqliteException) {
            println("${error.kind} at index ${error.index}") // NotNullViolation at index 1
        }
        // #endregion index
        assertEquals("NotNullViolation at index 1", told.toString())
        assertEquals(2000, items.count())
    }

    @Test
    fun `a large result is streamed`() = withItems { db ->
        val parts = List(100_000) { listOf("item $it", 0.5) }
        db.executeMany("INSERT INTO items (name, price) VALUES (?, ?)", parts)
        var total = 0.0
        // #region stream
        db.stream("SELECT * FROM items WHERE status = ?", "new")
            .takeWhile { total < 1000 } // the query stops with the flow
            .collect { row -> total += row.double("price") }
        // #endregion stream
        assertEquals(1000.0, total)
        val keys = db.table("items").stream().map { it.long("id") }.toList()
        assertEquals(List(100_000) { it + 1L }, keys)
    }
}
