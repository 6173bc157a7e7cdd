package io.github.ubiqlite.r2dbc.sql

import io.github.ubiqlite.r2dbc.Names

/** How a statement is run, and what it returns. */
internal enum class Action {
    /** It yields rows, and changes nothing: it runs when its rows are requested. */
    SELECT,

    /** It inserts, updates or deletes, and reports how many rows. */
    WRITE,

    /** The same with `RETURNING`: it yields rows. */
    WRITE_ROWS,

    /** `PRAGMA` and `EXPLAIN`: a few rows, or none. */
    ASK,

    /** Everything else: changes of the schema and of the connection. */
    OTHER,
}

/** One statement of a text. */
internal class Part(
    val sql: String,
    val action: Action,
    /** For each of SQLite's parameters, in the order of their numbers, its index in [Text.parameters]. */
    val places: IntArray,
    /** Whether it is the whole text, whose parameters are then its own, in order. */
    val isWhole: Boolean,
) {
    /** What is known about how many rows it yields: see `SingleRow`. */
    @Volatile
    var single: Boolean? = null

    /** Whether it was run before. */
    @Volatile
    var ran: Boolean = false

    /** The names of its columns in the last run. */
    @Volatile
    private var names: Names? = null

    /** Returns the names of the columns, from those that the library returns. */
    fun names(given: List<String>): Names =
        names?.takeIf { it.given === given } ?: Names(given).also { names = it }

    /** Returns the same statement, yielding these columns of the rows it changes; if none are given, all of them. */
    fun returning(columns: List<String>): Part {
        if (action != Action.WRITE) return this
        val list = if (columns.isEmpty()) "*" else columns.joinToString { "\"${it.replace("\"", "\"\"")}\"" }
        return Part("$sql RETURNING $list", Action.WRITE_ROWS, places, isWhole)
    }
}

/** A parameter of a text. */
internal class Parameter(
    /** With its sign; none: a bare `?`. */
    val name: String?,
    /** False for a number that the text skips: `?2` without a `?1`. */
    val needed: Boolean,
)

/** A text of SQL: its statements, and the parameters of all of them. */
internal class Text(val parts: List<Part>, val parameters: List<Parameter>) {
    private val byName = HashMap<String, IntArray>().also { map ->
        parameters.forEachIndexed { place, parameter ->
            val name = parameter.name ?: return@forEachIndexed
            map[name] = intArrayOf(place)
            // Without its sign it names all parameters that differ only in the sign.
            if (name[0] != '?') map.merge(name.substring(1), intArrayOf(place)) { some, more -> some + more }
        }
    }

    /** Returns the indexes of a name, with its sign or without; null if it is unknown. */
    fun places(name: String): IntArray? = byName[name]
}
