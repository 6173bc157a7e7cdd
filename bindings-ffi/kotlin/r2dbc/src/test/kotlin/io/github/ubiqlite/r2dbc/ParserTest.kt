package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Database
import io.github.ubiqlite.r2dbc.sql.Action
import io.github.ubiqlite.r2dbc.sql.parse
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ParserTest {
    /** Texts whose parameters are easily miscounted. SQLite's own count is the reference. */
    private val parameters = listOf(
        "SELECT ?", "SELECT ?, ?, ?", "SELECT ?5", "SELECT ?2, ?, :a, ?", "SELECT :a, :a, @a, \$a", "SELECT '?', \"?\" FROM (SELECT 1 AS \"?\")",
        "SELECT 'it''s ?', ?", "SELECT `x?` FROM (SELECT 1 AS `x?`)", "SELECT [a?] FROM (SELECT 1 AS [a?])", "SELECT 1 -- ?\n, ?", "SELECT 1 /* ? */, ? /* ?",
        "SELECT 1 - - ?", "SELECT 4 / ? * 2", "SELECT \$a::b::c, \$a::b(c d)", "SELECT \$a(x), \$a(y)", "SELECT x'3f', ?", "SELECT 1e5, 0x1f, ?",
        "SELECT '{\"a\":1}' -> ?, '{\"a\":1}' ->> :p", "SELECT :ä, :ä$1", "SELECT ?1, ?01", "SELECT #1",
    )

    @Test
    fun `parameters are counted as SQLite counts them`() = runBlocking {
        Database.open(":memory:").use { db ->
            for (sql in parameters) {
                val text = parse(sql)
                val values = arrayOfNulls<Any?>(text.parameters.size)
                val error = runCatching { db.query(sql, *values) }.exceptionOrNull()
                assertTrue(error == null || "parameters" !in error.message!!, "$sql: $error")
            }
        }
    }

    @Test
    fun `a text is split where SQLite ends a statement`() {
        fun parts(sql: String) = parse(sql).parts.map { it.sql }
        assertEquals(listOf("SELECT 1", "SELECT ';'", "SELECT 2"), parts(" SELECT 1 ;; /* ; */ SELECT ';';-- ;\nSELECT 2 -- end"))
        assertEquals(emptyList<String>(), parts(" ; -- nothing\n; /* "))
        val trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON x BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; DELETE FROM x; END"
        assertEquals(listOf(trigger, "SELECT 3"), parts("$trigger; SELECT 3"))
        assertEquals(listOf("EXPLAIN QUERY PLAN $trigger"), parts("EXPLAIN QUERY PLAN $trigger"))
        assertEquals(listOf("BEGIN", "SELECT 1", "END"), parts("BEGIN; SELECT 1; END;"))
    }

    @Test
    fun `what a statement does is told from its verb and not from its words`() {
        val actions = mapOf(
            "SELECT 'INSERT'" to Action.SELECT, "VALUES (1)" to Action.SELECT, "/* x */ select 1" to Action.SELECT,
            "WITH a AS (SELECT 1) SELECT * FROM a" to Action.SELECT,
            "WITH RECURSIVE a(x) AS NOT MATERIALIZED (SELECT 1), b AS (DELETE) INSERT INTO t SELECT * FROM a" to Action.WRITE,
            "WITH replace AS (SELECT 1) SELECT * FROM replace" to Action.SELECT,
            "WITH a AS (SELECT 1) UPDATE t SET x = 1 RETURNING *" to Action.WRITE_ROWS,
            "INSERT INTO t VALUES (1)" to Action.WRITE, "REPLACE INTO t VALUES (1)" to Action.WRITE,
            "INSERT INTO t VALUES (1) RETURNING x" to Action.WRITE_ROWS,
            "INSERT INTO t SELECT 'RETURNING' AS \"RETURNING\"" to Action.WRITE, "DELETE FROM t -- RETURNING" to Action.WRITE,
            "PRAGMA user_version" to Action.ASK, "EXPLAIN INSERT INTO t VALUES (1)" to Action.ASK,
            "CREATE TABLE t AS SELECT 1" to Action.OTHER, "VACUUM" to Action.OTHER, "ATTACH 'x' AS y" to Action.OTHER,
        )
        for ((sql, action) in actions) assertEquals(action, parse(sql).parts.single().action, sql)
    }

    @Test
    fun `RETURNING is a keyword wherever it is not quoted`() = runBlocking {
        Database.open(":memory:").use { db ->
            assertTrue(runCatching { db.query("SELECT 1 AS returning") }.isFailure)
        }
    }
}
