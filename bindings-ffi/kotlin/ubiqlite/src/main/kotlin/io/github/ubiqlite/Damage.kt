package io.github.ubiqlite

/**
 * Something in a database that is not as it should be, from [Database.check].
 *
 * @property kind what is wrong
 * @property table the table that it concerns; `null` if it is not known
 * @property rowid the row, for a foreign key in a table with rowids; else `null`
 * @property parent the table that a foreign key refers to; else `null`
 * @property message for content, what SQLite says of it; for a foreign key, the names of its columns
 */
public data class Damage(
    val kind: Kind,
    val table: String?,
    val rowid: Long?,
    val parent: String?,
    val message: String,
) {
    /** What is wrong in a database. */
    public enum class Kind {
        /** The file's content: pages, rows, indexes, constraints. */
        CONTENT,

        /** A row refers to one that is not there. */
        FOREIGN_KEY,
    }
}
