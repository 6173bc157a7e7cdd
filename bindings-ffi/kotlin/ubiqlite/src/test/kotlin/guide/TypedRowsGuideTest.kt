package guide

import guide.items.CountPartsRow
import guide.items.Items
import guide.items.addItem
import guide.items.addPart
import guide.items.cheap
import guide.items.countParts
import guide.items.dearest
import guide.items.getItem
import guide.items.sellItem
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.withDatabase
import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

/** The guide's page about generated code. */
class TypedRowsGuideTest {
    private val told = StringBuilder()

    private fun println(text: String) {
        told.append(text)
    }

    private val schema = Files.readString(Path.of("../../../docs/examples/gen/migrations/0001_items.sql"))

    @Test
    fun `generated functions run on a database and in a transaction`() = withDatabase { db ->
        db.batch(schema)
        // #region use
        val lamp = addItem(db, name = "lamp", price = 19.9)
        val rows = cheap(db, most = 20.0, limit = 10) // List<CheapRow>
        for (item in rows) println("${item.name}: ${item.price}") // lamp: 19.9
        db.transaction { tx -> sellItem(tx, id = rows[0].id) } // 1
        // #endregion use
        assertEquals("lamp: 19.9", told.toString())
        assertEquals(listOf(lamp?.id), rows.map { it.id })
        assertEquals(Items(1, "lamp", 19.9, null, true), getItem(db, 1))
        assertNull(db.snapshot().use { getItem(it, 9) })
        addPart(db, 1, "bulb")
        assertEquals(listOf(CountPartsRow("lamp", 1)), countParts(db))
        assertEquals(19.9, dearest(db)?.price)
        // The column's own type is checked, though SQLite allows another.
        db.execute("UPDATE items SET price = 'much'")
        assertFailsWith<UbiqliteException.DatatypeMismatch> { getItem(db, 1) }
    }
}
