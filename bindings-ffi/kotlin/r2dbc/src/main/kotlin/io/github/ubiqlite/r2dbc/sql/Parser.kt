package io.github.ubiqlite.r2dbc.sql

/** Splits a text into its statements, and finds what a driver must know about each before SQLite sees it. */
internal fun parse(sql: String): Text = Parser(sql).text()

private class Parser(private val sql: String) {
    private val tokens = Tokens(sql)
    private val parameters = ArrayList<Parameter>()

    /** The indexes of named parameters; a name has one index in the whole text. */
    private val known = HashMap<String, Int>()

    fun text(): Text {
        val drafts = ArrayList<Draft>(1)
        while (true) {
            val draft = Draft()
            if (!draft.read()) break
            if (draft.end > 0) drafts.add(draft)
        }
        val parts = drafts.map { draft ->
            val sql = sql.substring(draft.start, draft.end)
            Part(sql, draft.action(), placesOf(draft), isWhole = drafts.size == 1)
        }
        return Text(parts, parameters)
    }

    private fun placesOf(draft: Draft) = IntArray(draft.names.size) { index ->
        when (val name = draft.names[index]) {
            null -> add(Parameter(null, needed = false))
            "?" -> add(Parameter(null, needed = true))
            else -> known.getOrPut(name) { add(Parameter(name, needed = true)) }
        }
    }

    private fun add(parameter: Parameter): Int {
        parameters.add(parameter)
        return parameters.size - 1
    }

    /** A statement that is being read. */
    private inner class Draft {
        var start = -1
        var end = 0

        /** The name of each of SQLite's parameters, `?` for an unnamed one; null for a number that was skipped. */
        val names = ArrayList<String?>()
        private val words = ArrayList<String>(FIRST)
        private var depth = 0

        /** The verb of the statement after a `WITH`. */
        private var main: String? = null
        private var returning = false
        private var before: TokenKind? = null

        /** How much of `; END` was just read. */
        private var ending = 0

        /** Reads to the end of the statement; returns false if the text had ended before. */
        fun read(): Boolean {
            while (tokens.next()) {
                if (tokens.kind == TokenKind.SEMICOLON && (!isTrigger() || ending == 2)) return true
                if (start < 0) start = tokens.start
                end = tokens.end
                take()
            }
            return end > 0
        }

        private fun take() {
            when (tokens.kind) {
                TokenKind.WORD -> word()
                TokenKind.PARAMETER -> parameter(tokens.text)
                TokenKind.OPEN -> depth += 1
                TokenKind.CLOSE -> depth -= 1
                else -> Unit
            }
            ending = when {
                tokens.kind == TokenKind.SEMICOLON -> 1
                ending == 1 && tokens.kind == TokenKind.WORD && tokens.text.equals("END", ignoreCase = true) -> 2
                else -> 0
            }
            before = tokens.kind
        }

        private fun word() {
            if (words.size < FIRST) words.add(tokens.text.uppercase())
            if (depth != 0) return
            if (main == null && before == TokenKind.CLOSE && words[0] == "WITH") {
                // After the columns of a table comes AS, after its query a comma or the statement.
                val word = tokens.text.uppercase()
                if (word != "AS") main = word
            }
            if (!returning) returning = tokens.text.equals("RETURNING", ignoreCase = true)
        }

        private fun parameter(name: String) {
            val number = if (name.length > 1 && name[0] == '?') name.substring(1).toIntOrNull() else null
            when {
                name == "?" -> names.add(name)
                number != null -> {
                    // SQLite itself refuses what is beyond its limit.
                    if (number !in 1..MOST) return
                    while (names.size < number) names.add(null)
                    if (names[number - 1] == null) names[number - 1] = "?$number"
                }
                name[0] != '?' && name !in names -> names.add(name)
            }
        }

        private fun isTrigger(): Boolean {
            val at = when {
                words.firstOrNull() != "EXPLAIN" -> 0
                words.getOrNull(1) == "QUERY" -> 3
                else -> 1
            }
            if (words.getOrNull(at) != "CREATE") return false
            val next = words.getOrNull(at + 1)
            return next == "TRIGGER" || (next == "TEMP" || next == "TEMPORARY") && words.getOrNull(at + 2) == "TRIGGER"
        }

        fun action(): Action = when (val first = words.firstOrNull()) {
            "WITH" -> of(main)
            else -> of(first)
        }

        private fun of(verb: String?) = when (verb) {
            "SELECT", "VALUES" -> Action.SELECT
            "INSERT", "REPLACE", "UPDATE", "DELETE" -> if (returning) Action.WRITE_ROWS else Action.WRITE
            "PRAGMA", "EXPLAIN" -> Action.ASK
            else -> Action.OTHER
        }
    }

    private companion object {
        /** The number of words that identify a statement: `EXPLAIN QUERY PLAN CREATE TEMP TRIGGER`. */
        const val FIRST = 6

        /** SQLite's limit on parameters, as built here. */
        const val MOST = 32_766
    }
}
