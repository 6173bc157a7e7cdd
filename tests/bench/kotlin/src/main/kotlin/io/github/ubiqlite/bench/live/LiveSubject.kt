package io.github.ubiqlite.bench.live

import kotlinx.coroutines.flow.Flow

/** A library whose live queries are measured, used as its users do. Every column is read. */
interface LiveSubject {
    /** Runs a statement without parameters. */
    suspend fun execute(sql: String)

    /** Runs [UPDATE], and returns the time ([System.nanoTime]) at which the library said that it is committed. */
    suspend fun update(id: Int, text: String): Long

    /** The results of [SELECT_TEXT]. */
    fun text(id: Int): Flow<List<String>>

    /** The results of [SELECT_PART]. */
    fun part(part: Int): Flow<List<Line>>

    suspend fun close()
}

/** A row of [SELECT_PART]. */
data class Line(val id: Long, val part: Long, val a: String, val b: String)

/** Rows in the watched table, and how many flows share them. */
const val WATCHED_ROWS = 5_000
const val FLOWS = 50

/** The table and the queries are those of `tests/bench/ubiqlite/src/live.rs`. */
val SCHEMA = listOf(
    "CREATE TABLE t (id INTEGER PRIMARY KEY, part INT, a TEXT, b TEXT, z TEXT)",
    "CREATE INDEX by_part ON t (part)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $WATCHED_ROWS) " +
        "INSERT INTO t SELECT i, i % $FLOWS, 'aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'z' FROM n",
)
const val SELECT_TEXT = "SELECT a FROM t WHERE id = ?"
const val SELECT_PART = "SELECT id, part, a, b FROM t WHERE part = ?"
const val UPDATE = "UPDATE t SET a = ? WHERE id = ?"
