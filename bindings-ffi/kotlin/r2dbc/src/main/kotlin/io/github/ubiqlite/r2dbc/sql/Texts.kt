package io.github.ubiqlite.r2dbc.sql

import java.util.concurrent.ConcurrentHashMap

/** A cache of the latest parsed texts, with what is known about their statements. */
internal class Texts {
    private val known = ConcurrentHashMap<String, Text>()

    fun of(sql: String): Text {
        known[sql]?.let { return it }
        val text = parse(sql)
        if (sql.length > LONGEST) return text
        // Programs that write values into their SQL would otherwise fill it.
        if (known.size >= MOST) known.clear()
        known[sql] = text
        return text
    }

    private companion object {
        const val MOST = 512
        const val LONGEST = 16 * 1024
    }
}
