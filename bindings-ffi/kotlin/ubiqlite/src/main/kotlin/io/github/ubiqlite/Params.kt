package io.github.ubiqlite

/**
 * Parameters as one value, for when they are not known as the call is written. Every call
 * takes it in place of single parameters.
 *
 * ```kotlin
 * db.query("SELECT * FROM items WHERE id > ? AND status = ?", 10, "new")
 * db.query("SELECT * FROM items WHERE id > :id AND status = :status", "id" to 10, "status" to "new")
 * db.query(sql, Params.of(values))
 * ```
 */
public class Params private constructor(internal val values: List<Any?>?, internal val named: Map<String, Any?>?) {
    public companion object {
        /** Returns parameters by position: one value after another. */
        public fun of(values: Iterable<Any?>): Params = Params(values.toList(), null)

        /** Returns parameters by name, with its sign (`:id`, `@id`, `$id`) or without it. */
        public fun named(values: Map<String, Any?>): Params = Params(null, values.toMap())
    }
}

/**
 * A statement with its parameters: of a [batch][Statements.batch], or a query that is watched with
 * others, by [Database.watchAll].
 */
public class Statement private constructor(
    internal val key: List<String>,
    internal val sql: String,
    internal val params: Array<out Any?>,
) {
    public constructor(sql: String, vararg params: Any?) : this(emptyList(), sql, params)

    /**
     * Returns the query with columns that tell a row of its result from the others, for the positions
     * in an [Update]. Without a key, rows are told apart by all their values. A batch has no use for it.
     */
    public fun key(vararg columns: String): Statement = Statement(key + columns, sql, params)
}

/** What a statement did. */
public data class Executed(
    /** Rows inserted, updated or deleted by the statement itself, not by its triggers and foreign key actions. */
    val rowsChanged: Long,
    /** The rowid of the last row inserted; 0 if there was none. */
    val lastRowId: Long,
)

/** What a storage backend can do. */
public data class Capabilities(
    /** Interactive transactions, which wait for their caller between statements. */
    val transactions: Boolean,
    /** Streams of rows. */
    val cursors: Boolean,
    /** Several reads of the same moment. */
    val snapshots: Boolean,
    /** Dedicated connections. */
    val sessions: Boolean,
    /** Live queries: [Database.watch]. */
    val watches: Boolean,
    /** A watched query is not run again for changes of rows that can't be in its result. */
    val rowChanges: Boolean,
    /** Changes can be recorded, and applied elsewhere: [Database.outbox] and [Database.apply]. */
    val changesets: Boolean,
    /** Copies of the database, and replacing it: [Database.backup], [Database.backupStream] and [Database.restore]. */
    val backups: Boolean,
    /** A replica of it can be kept up to date: [Database.replicate]. */
    val replicas: Boolean,
)

/** An amount to move from one row to another: see [Table.transfer]. */
public data class Transfer(
    /** The key of the row it is subtracted from. */
    val from: Any?,
    /** The key of the row it is added to. */
    val to: Any?,
    /** An integer or a real; anything else is refused. */
    val amount: Any?,
)

/** A primary key of several columns, in their order. */
public data class Key(
    /** A value for each column. */
    val values: List<Any?>,
) {
    /** Makes a key from these values. */
    public constructor(vararg values: Any?) : this(values.toList())
}
