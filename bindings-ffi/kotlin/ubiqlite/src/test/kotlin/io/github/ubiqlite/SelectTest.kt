package io.github.ubiqlite

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class SelectTest {
    @Test
    fun `one that several are made of stays as it is`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, kind INTEGER)")
        db.executeMany("INSERT INTO t (kind) VALUES (?)", (0 until 1000).map { listOf(it % 10) })
        val base = db.table("t").select().where("id", Comparison.GT, 10)
        assertEquals(99, base.where("kind", 3).count())
        assertEquals(990, base.count())
        base.limit(1).offset(5)
        base.orderBy("id", Order.DESC)
        base.whereIn("kind", listOf(1))
        base.whereNull("kind")
        assertEquals(990, base.all().size)
        assertEquals(11L, base.first()?.long("id"))
        coroutineScope {
            (0 until 10).map { kind -> async { assertEquals(99, base.where("kind", kind).all().size) } }.awaitAll()
        }
        assertEquals(990, base.count())
    }
}
