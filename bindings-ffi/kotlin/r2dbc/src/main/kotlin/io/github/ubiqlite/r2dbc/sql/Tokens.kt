package io.github.ubiqlite.r2dbc.sql

/** The kind of a SQL token, as far as a driver must know it. */
internal enum class TokenKind {
    /** A keyword or a bare identifier. */
    WORD,

    /** A parameter: `?`, `?1`, `:name`, `@name`, `$name`. */
    PARAMETER,
    OPEN,
    CLOSE,
    SEMICOLON,

    /** A literal, a quoted identifier, a number, an operator. */
    OTHER,
}

/** The tokens of a text, split as SQLite's `tokenize.c` splits them; blanks and comments are skipped. */
internal class Tokens(private val sql: String) {
    lateinit var kind: TokenKind
        private set
    var start: Int = 0
        private set
    var end: Int = 0
        private set

    val text: String get() = sql.substring(start, end)

    /** Advances to the next token; returns false at the end of the text. */
    fun next(): Boolean {
        start = afterBlanks(end)
        if (start >= sql.length) return false
        val first = sql[start]
        end = start + 1
        kind = when {
            first == ';' -> TokenKind.SEMICOLON
            first == '(' -> TokenKind.OPEN
            first == ')' -> TokenKind.CLOSE
            first == '?' -> {
                while (at(end) in '0'..'9') end += 1
                TokenKind.PARAMETER
            }
            first == '\'' || first == '"' || first == '`' -> quoted(first)
            first == '[' -> until(']')
            first == ':' || first == '@' || first == '$' || first == '#' -> named()
            first in '0'..'9' -> {
                while (isPartOfWord(at(end)) || at(end) == '.') end += 1
                TokenKind.OTHER
            }
            isPartOfWord(first) -> {
                while (isPartOfWord(at(end))) end += 1
                TokenKind.WORD
            }
            else -> TokenKind.OTHER
        }
        return true
    }

    private fun at(index: Int): Char = if (index < sql.length) sql[index] else '\u0000'

    private fun afterBlanks(from: Int): Int {
        var at = from
        while (at < sql.length) {
            val c = sql[at]
            at = when {
                c == ' ' || c in '\t'..'\r' || c == '\uFEFF' -> at + 1
                c == '-' && at(at + 1) == '-' -> sql.indexOf('\n', at).let { if (it < 0) sql.length else it + 1 }
                c == '/' && at(at + 1) == '*' && at + 2 < sql.length ->
                    sql.indexOf("*/", at + 2).let { if (it < 0) sql.length else it + 2 }
                else -> return at
            }
        }
        return at
    }

    /** Reads a quoted token, in which a quote is written twice. */
    private fun quoted(quote: Char): TokenKind {
        while (end < sql.length) {
            if (sql[end++] != quote) continue
            if (at(end) != quote) break
            end += 1
        }
        return TokenKind.OTHER
    }

    private fun until(close: Char): TokenKind {
        val at = sql.indexOf(close, end)
        end = if (at < 0) sql.length else at + 1
        return TokenKind.OTHER
    }

    /** Reads a parameter's name, which may contain `::` and a suffix in parentheses, for Tcl. */
    private fun named(): TokenKind {
        var letters = 0
        while (true) {
            val c = at(end)
            if (isPartOfWord(c)) {
                letters += 1
                end += 1
            } else if (c == '(' && letters > 0) {
                while (end < sql.length && sql[end] != ')' && sql[end] !in "\t\n\u000B\u000C\r ") end += 1
                if (at(end) == ')') end += 1
                break
            } else if (c == ':' && at(end + 1) == ':') {
                end += 2
            } else {
                break
            }
        }
        return if (letters > 0) TokenKind.PARAMETER else TokenKind.OTHER
    }

    private companion object {
        fun isPartOfWord(c: Char): Boolean =
            c in 'a'..'z' || c in 'A'..'Z' || c in '0'..'9' || c == '_' || c == '$' || c >= '\u0080'
    }
}
