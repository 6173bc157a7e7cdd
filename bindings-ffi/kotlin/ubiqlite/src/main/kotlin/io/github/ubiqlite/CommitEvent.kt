package io.github.ubiqlite

/** What a commit has changed: see [Database.commits]. Writes that share a commit are one event. */
public class CommitEvent internal constructor(
    /**
     * How many commits of this database there have been, counted since its first feed or watch. Each
     * event of a feed has a larger number.
     */
    public val moment: Long,
    /** The tables that are known to have changed. A virtual table stands for the tables that keep its content. */
    public val tables: List<ChangedTable>,
    /**
     * Whether anything may have changed, also what is not in [tables]: after a commit of others, a change
     * of the schema, a statement that acts on the file as a whole, and for what was under way when
     * this feed, or another or a watch, began.
     */
    public val everything: Boolean,
    /** Whether the schema may have changed. */
    public val schema: Boolean,
    /** Whether others have committed, or may have: another process, or another database object on the file. */
    public val external: Boolean,
) {
    /** Returns what the commit has changed, for human readers. */
    override fun toString(): String {
        val more = listOf("everything" to everything, "schema" to schema, "external" to external)
        return "CommitEvent(${(tables + more.filter { it.second }.map { it.first }).joinToString()})"
    }
}

/** A table that a commit has changed. */
public class ChangedTable internal constructor(
    /** Its name, as spelled in the schema. */
    public val name: String,
    /**
     * The rows that have changed, each once; null: any of them may have. So it is if there are more
     * than 1024, after a `DELETE` of all rows, for a virtual table, and where SQLite does not report rows.
     */
    public val rows: List<ChangedRow>?,
) {
    /** Returns the name and the rows, for human readers. */
    override fun toString(): String = "$name: ${rows?.joinToString() ?: "any"}"
}

/** A row that a commit has changed. */
public class ChangedRow internal constructor(
    /** What happened to it. A row whose key has changed is one that is gone and one that is new. */
    public val kind: Kind,
    /** Its primary key, or its rowid if the table has no such key: what [Table.get] takes. */
    public val key: Any?,
) {
    /** What happened to a row. */
    public enum class Kind {
        /** It is new. */
        INSERT,

        /** It has other values. */
        UPDATE,

        /** It is gone. */
        DELETE,
    }

    /** Returns what happened to which row, for human readers. */
    override fun toString(): String = "$kind $key"
}
