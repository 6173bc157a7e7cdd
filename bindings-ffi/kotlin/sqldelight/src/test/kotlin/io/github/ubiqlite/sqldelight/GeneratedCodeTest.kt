package io.github.ubiqlite.sqldelight

import app.Item
import app.Named
import app.Sums
import app.Tags
import app.WithItem
import app.cash.sqldelight.async.coroutines.awaitAsList
import app.cash.sqldelight.async.coroutines.awaitAsOne
import app.cash.sqldelight.async.coroutines.awaitAsOneOrNull
import app.cash.sqldelight.async.coroutines.awaitQuery
import io.github.ubiqlite.UbiqliteException
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

/** What SQLDelight's generator makes of `src/test/sqldelight`, run on the driver. */
class GeneratedCodeTest {
    @Test
    fun `values of all types are written and read back`() = driven { driver ->
        val items = shop(driver).itemQueries
        val picture = byteArrayOf(0, 1, -1)
        assertEquals(1, items.insert("lamp", 12.5, true, picture, Tags(listOf("light", "desk")), "ü€😀"))
        assertEquals(1, items.insert("chair", 3.0, false, null, null, null))
        val (lamp, chair) = items.all().awaitAsList()
        assertArrayEquals(picture, lamp.picture)
        assertEquals(Item(1, "lamp", 12.5, true, lamp.picture, Tags(listOf("light", "desk")), "ü€😀"), lamp)
        assertEquals(Item(2, "chair", 3.0, false, null, null, null), chair)
        assertEquals(1, items.insertRow(lamp.copy(id = Long.MAX_VALUE, name = "last")))
        assertEquals(Long.MAX_VALUE, items.byId(Long.MAX_VALUE).awaitAsOne().id)
        assertNull(items.byId(7).awaitAsOneOrNull())
    }

    @Test
    fun `each form of statement runs`() = driven { driver ->
        val shop = shop(driver)
        val items = shop.itemQueries
        val lamp = items.insertReturning("lamp", 1.5).awaitAsOne()
        assertEquals(Item(1, "lamp", 1.5, false, null, null, null), lamp)
        items.setPrice("lamp", 2.0)
        items.setPrice("chair", 3.0)
        assertEquals(Sums(2, 5.0, 2.5), items.sums().awaitAsOne())
        assertEquals(listOf(Named(1, "lamp"), Named(2, "chair")), items.named(listOf("lamp", "chair", "desk")).awaitAsList())
        assertEquals(emptyList<Named>(), items.named(emptyList()).awaitAsList())
        assertEquals(1, items.rename("light", 1))
        assertEquals(0, items.rename("nothing", 9))
        shop.saleQueries.add(1, "2026-12-01")
        assertEquals(listOf(WithItem(1, "light", "2026-12-01")), shop.saleQueries.withItem().awaitAsList())
        assertEquals(true, items.byId(1).awaitAsOne().sold)
        assertEquals(1, items.delete(1))
        assertEquals(emptyList<WithItem>(), shop.saleQueries.withItem().awaitAsList())
    }

    @Test
    fun `a failing statement throws the library's exception`() = driven { driver ->
        val shop = shop(driver)
        shop.itemQueries.insertReturning("lamp", 1.0).awaitAsOne()
        thrown<UbiqliteException.UniqueViolation> { shop.itemQueries.insertReturning("lamp", 2.0).awaitAsOne() }
        thrown<UbiqliteException.ForeignKeyViolation> { shop.saleQueries.add(9, "never") }
    }

    @Test
    fun `statements without generated code run too`() = driven { driver ->
        driver.execute(null, "INSERT INTO item (name, price) VALUES (?, ?)", 2) {
            bindString(0, "lamp")
            bindDouble(1, 4.0)
        }.await()
        val number = driver.awaitQuery(
            null,
            """SELECT name ->> '${'$'}' , json_extract('{"n":5}', '${'$'}.n'), price FROM (SELECT '7' AS name, price FROM item)""",
            { cursor ->
                cursor.next().value
                Triple(cursor.getString(0), cursor.getString(1), cursor.getDouble(2))
            },
            0,
        )
        assertEquals(Triple("7", "5", 4.0), number)
    }
}

/** Runs [work], which must throw this. */
suspend inline fun <reified E : Throwable> thrown(crossinline work: suspend () -> Unit): E {
    val result = runCatching { work() }
    return assertThrows(E::class.java) { result.getOrThrow() }
}
