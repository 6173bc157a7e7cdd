package io.github.ubiqlite

/**
 * Parameters as a value, where they are not known when the call is written. Every call
 * takes them in place of single ones.
 *
 * ```kotlin
 * db.query("SELECT * FROM items WHERE id > ? AND status = ?", 10, "new")
 * db.query("SELECT * FROM items WHERE id > :id AND status = :status", "id" to 10, "status" to "new")
 * db.query(sql, Params.of(values))
 * ```
 */
public class Params private constructor(internal val values: List<Any?>?, internal val named: Map<String, Any?>?) {
    public companion object {
        /** By position: one value after another. */
        public fun of(values: Iterable<Any?>): Params = Params(values.toList(), null)

        /** By name, with its sign (`:id`, `@id`, `$id`) or without it. */
        public fun named(values: Map<String, Any?>): Params = Params(null, values.toMap())
    }
}

/** A statement of a [batch][Statements.batch], with its parameters. */
public class Statement(internal val sql: String, vararg params: Any?) {
    internal val params: Array<out Any?> = params
}

/** What a statement did. */
public data class Executed(
    /** Rows inserted, updated or deleted by the statement itself, not by its triggers and foreign key actions. */
    val rowsChanged: Long,
    /** The rowid of the row inserted last; 0 if none was. */
    val lastRowId: Long,
)

/** What a storage backend can do. */
public data class Capabilities(
    /** Transactions that wait for their caller in the middle. */
    val transactions: Boolean,
    /** Rows one after another. */
    val cursors: Boolean,
    /** Several reads of one moment. */
    val snapshots: Boolean,
    /** Connections of one's own. */
    val sessions: Boolean,
)

/** An amount to move from one row to another: see [Table.transfer]. */
public data class Transfer(
    /** The key of the row that it is taken from. */
    val from: Any?,
    /** The key of the row that it is added to. */
    val to: Any?,
    /** An integer or a real; what is none is refused. */
    val amount: Any?,
)

/** A primary key of several columns, in their order. */
public data class Key(
    /** A value for each column. */
    val values: List<Any?>,
) {
    /** A key of these values. */
    public constructor(vararg values: Any?) : this(values.toList())
}
