package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Parameters
import io.r2dbc.spi.R2dbcBadGrammarException
import io.r2dbc.spi.R2dbcType
import io.r2dbc.spi.Result
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import reactor.core.publisher.Flux

class StatementTest {
    @Test
    fun `parameters are bound by index and by name, with the sign or without`() = inMemory { connection ->
        fun bound(sql: String, bind: io.r2dbc.spi.Statement.() -> Unit) = connection.createStatement(sql).apply(bind).values()
        assertEquals(listOf("1-2"), bound("SELECT ? || '-' || ?") { bind(0, 1); bind(1, 2) })
        assertEquals(listOf("2-1"), bound("SELECT ?2 || '-' || ?1") { bind(0, 1); bind(1, 2) })
        assertEquals(listOf("1-1-2"), bound("SELECT :a || '-' || :a || '-' || @b") { bind("a", 1); bind("@b", 2) })
        assertEquals(listOf("x-y"), bound("SELECT \$1 || '-' || \$2") { bind("\$1", "x"); bind(1, "y") })
        assertEquals(listOf(3), bound("SELECT ?3") { bind(2, 3) })
        assertEquals(listOf("1-2"), bound("SELECT :a || '-' || @a") { bind(":a", 1); bind("@a", 2) })
        assertEquals(listOf(":a ? -- ?"), bound("SELECT ':a ? -- ?' /* ? */ -- :b\n WHERE 1 = :c") { bind("c", 1) })
        assertEquals(listOf(5), bound("SELECT ?") { bind(0, Parameters.`in`(R2dbcType.INTEGER, 5)) })
        assertThrows(IllegalArgumentException::class.java) { bound("SELECT ?") { bind(0, Parameters.out(R2dbcType.INTEGER)) } }
        assertThrows(NoSuchElementException::class.java) { bound("SELECT ?1") { bind("b", 1) } }
        assertThrows(IndexOutOfBoundsException::class.java) { bound("SELECT ?1") { bind(1, 1) } }
        assertThrows(IllegalArgumentException::class.java) { bound("SELECT ?1") { bind(0, Any()) } }
        assertThrows(IllegalStateException::class.java) { bound("SELECT ?, ?") { bind(1, 1) } }
    }

    @Test
    fun `the statements of one text share their named parameters and give a result each`() = inMemory { connection ->
        connection.run("CREATE TABLE t (x, y); -- and\n ; CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET y = 'END; ' || x; SELECT 1; END;")
        val statement = connection.createStatement("INSERT INTO t (x) VALUES (:x); SELECT y FROM t WHERE x = :x AND 1 = ?; DELETE FROM t; SELECT count(*) FROM t")
        statement.bind("x", 5).bind(1, 1)
        val seen = Flux.from(statement.execute()).flatMap { result ->
            result.flatMap { segment ->
                val told: Any = when (segment) {
                    is Result.UpdateCount -> "changed ${segment.value()}"
                    is Result.RowSegment -> "row ${segment.row().get(0)}"
                    else -> segment
                }
                Flux.just(told)
            }
        }.all()
        assertEquals(listOf("changed 1", "row END; 5", "changed 1", "row 0"), seen)
    }

    @Test
    fun `values that were added run as one transaction and count each by itself`() = inMemory { connection ->
        connection.run("CREATE TABLE t (x INTEGER PRIMARY KEY, y)")
        val insert = connection.createStatement("INSERT INTO t VALUES (?, ?)").bind(0, 1).bindNull(1, String::class.java)
        for (x in 2..100) insert.add().bind(0, x).bind(1, "y$x")
        assertEquals(List(100) { 1L }, insert.run())
        assertEquals(listOf(100, 99), connection.createStatement("SELECT count(*), count(y) FROM t").rows { listOf(it.get(0), it.get(1)) }[0])
        val update = connection.createStatement("UPDATE t SET y = 0 WHERE x > ?").bind(0, 98).add().bind(0, 100).add().bind(0, 0)
        assertEquals(listOf(2L, 0L, 100L), update.run())
        val select = connection.createStatement("SELECT x FROM t WHERE x = ?").bind(0, 3).add().bind(0, 4)
        assertEquals(listOf(3, 4), select.values())
    }

    @Test
    fun `two statements at once that each need a session have the same one`() {
        repeat(50) {
            inMemory { connection ->
                val both = listOf("a", "b").map { Flux.from(connection.createStatement("CREATE TEMP TABLE $it (x)").execute()).concatMap(Result::getRowsUpdated) }
                Flux.merge(both).all()
                assertEquals(listOf("a", "b"), connection.values("SELECT name FROM temp.sqlite_schema ORDER BY name"))
            }
        }
    }

    @Test
    fun `generated values are the rows that were written`() = inMemory { connection ->
        connection.run("CREATE TABLE t (id INTEGER PRIMARY KEY, \"a \"\"b\" DEFAULT 7)")
        val insert = connection.createStatement("INSERT INTO t DEFAULT VALUES -- one\n;").returnGeneratedValues()
        assertEquals(listOf(1 to 7), insert.rows { it.get("id") to it.get("a \"b") })
        val one = connection.createStatement("INSERT INTO t (id) VALUES (?)").returnGeneratedValues("id").bind(0, 40).add().bind(0, 41)
        assertEquals(listOf(40, 41), one.values())
        assertEquals(listOf(2L), connection.createStatement("UPDATE t SET id = id + 10 WHERE id > 39").returnGeneratedValues("a \"b").run())
        assertEquals(listOf(50, 51), connection.createStatement("DELETE FROM t WHERE id > 39 RETURNING id").returnGeneratedValues().values())
        assertEquals(listOf(1), connection.createStatement("SELECT id FROM t").returnGeneratedValues("id").values())
        assertThrows(R2dbcBadGrammarException::class.java) {
            connection.createStatement("INSERT INTO t (id) VALUES (9)").returnGeneratedValues("nothing").run()
        }
        assertEquals(listOf(1), connection.values("SELECT count(*) FROM t"))
        // The statement has run, whether or not its rows were requested.
        Flux.from(connection.createStatement("INSERT INTO t (id) VALUES (9)").returnGeneratedValues().execute()).then().block(PATIENCE)
        assertEquals(listOf(2), connection.values("SELECT count(*) FROM t"))
    }

    @Test
    fun `a batch runs in its order though its results are consumed in another`() = inMemory { connection ->
        connection.run("CREATE TABLE t (x)")
        val batch = connection.createBatch().add("INSERT INTO t VALUES (1)").add("SELECT count(*) FROM t").add("DELETE FROM t")
            .add("EXPLAIN QUERY PLAN SELECT 1").add("SELECT count(*) FROM t")
        val results = Flux.from(batch.execute()).all()
        val counts = results.asReversed().map { result -> Flux.from(result.map { row, _ -> row.get(row.metadata.columnMetadatas.size - 1)!! }).all() }
        assertEquals(listOf<Any>(listOf(0), listOf("SCAN CONSTANT ROW"), emptyList<Any>(), listOf(1), emptyList<Any>()), counts)
        assertThrows(IllegalArgumentException::class.java) { connection.createBatch().add("SELECT ?") }
    }

    @Test
    fun `a read of one row is told from others and stays right when the schema changes`() = inMemory { connection ->
        connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE, c); INSERT INTO t VALUES (1, 2, 3), (2, 3, 3)")
        fun single(sql: String, vararg values: Any): Boolean? {
            val connectionTexts = connection.createStatement(sql)
            repeat(3) {
                val statement = connection.createStatement(sql)
                values.forEachIndexed(statement::bind)
                statement.values()
            }
            val field = UbiqliteStatement::class.java.getDeclaredField("text").apply { isAccessible = true }
            return (field.get(connectionTexts) as io.github.ubiqlite.r2dbc.sql.Text).parts.single().single
        }
        assertEquals(true, single("SELECT c FROM t WHERE a = ?", 1))
        assertEquals(true, single("SELECT a, c FROM t WHERE b = ? AND c > 0", 1))
        assertEquals(true, single("SELECT count(*) FROM t"))
        assertEquals(true, single("SELECT coalesce(?, 2) + 1", 1))
        assertEquals(false, single("SELECT c FROM t WHERE a = ? OR c = 9 AND a = 1 LIMIT 5", 1))
        assertEquals(false, single("SELECT c FROM t WHERE a > ?", 0))
        assertEquals(false, single("SELECT c FROM t WHERE c = ?", 3))
        assertEquals(false, single("SELECT c FROM t WHERE a IN (1, 2)"))
        assertEquals(false, single("SELECT a FROM t UNION ALL SELECT a FROM t"))
        assertEquals(false, single("VALUES (1), (2)"))
        assertEquals(false, single("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3) SELECT x FROM c"))
        assertEquals(false, single("SELECT value FROM json_each('[1,2]')"))
        connection.run("CREATE TABLE u AS SELECT * FROM t; DROP TABLE t; ALTER TABLE u RENAME TO t; INSERT INTO t VALUES (1, 2, 4)")
        assertEquals(listOf(3, 4), connection.createStatement("SELECT c FROM t WHERE a = ?").bind(0, 1).values())
    }
}
