package io.github.ubiqlite.generated

import io.github.ubiqlite.withDatabase
import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** What `ubiqlite gen` has written for names that are none in Kotlin: `Hostile.kt`. */
class HostileNamesTest {
    private val schema = Files.readString(Path.of("../../../tests/gen/hostile.sql"))

    @Test
    fun `columns are read by their own names, and the SQL is what was written`() = withDatabase { db ->
        db.batch(schema)
        `class_`(db, `class_` = "a", self = 7, gr__e = 0.5, db_2 = byteArrayOf(1), args = "any", options = true)
        val row = delete(db, `class_` = "a", fun_ = 7).single()
        assertEquals(listOf("a", 7L, 0.5, "any", true), listOf(row.a_b, row._1st, row.gr__e, row.anything, row.bool))
        assertArrayEquals(byteArrayOf(1), row.data)
        assertEquals("\$x \"quoted\" \\ 'single' `\${y}`\n{line} */ \"\"\" \\u0041", row._x)
        assertEquals(1, addX(db, p1 = 1, p2 = 2))
        db.execute("INSERT INTO \"aB\" VALUES ('second')")
        assertEquals(listOf(SameRow(3, "second", 3, 1)), same(db))
    }
}
