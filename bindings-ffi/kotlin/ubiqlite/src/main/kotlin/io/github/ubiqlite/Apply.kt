package io.github.ubiqlite

/**
 * Whose change is kept where two changes of one row meet: see [Database.apply].
 *
 * ```kotlin
 * val done = db.apply(bytes, Policy.THEIRS, mapOf("notes" to Policy.newest("updated_at"), "settings" to Policy.OURS))
 * ```
 * Whichever it is, replicas agree in the end that exchange their changes in one order, each
 * sending what waits in its outbox when it has applied all that came before: of what was not
 * taken here, the outbox then has the difference, and the others get it. With [THEIRS] the change
 * that was sent first stays, with [OURS] the one that was sent last. Replicas may have different
 * policies.
 */
public class Policy private constructor(internal val code: Int, internal val column: String? = null) {
    /** Returns whether [other] decides by the same rule. */
    override fun equals(other: Any?): Boolean = other is Policy && code == other.code && column == other.column

    override fun hashCode(): Int = 31 * code + column.hashCode()

    /** Returns the rule, for human readers. */
    override fun toString(): String = if (column == null) NAMES[code] else "${NAMES[code]}($column)"

    public companion object {
        private val NAMES = listOf("theirs", "ours", "abort", "newest")

        /** Theirs: the change that is applied. */
        @JvmField
        public val THEIRS: Policy = Policy(0)

        /**
         * Ours: what is in the database. Of an update, what they changed in columns that were not
         * changed here is still taken.
         */
        @JvmField
        public val OURS: Policy = Policy(1)

        /** Neither: nothing is applied, and the call fails with [UbiqliteException.ConstraintViolation]. */
        @JvmField
        public val ABORT: Policy = Policy(2)

        /**
         * The one with the greater value in [column], which should say when the row was changed. If
         * both are equal, the row whose changed values are greater as bytes, so that two sides that
         * apply each other's changes decide the same.
         */
        @JvmStatic
        public fun newest(column: String): Policy = Policy(3, column)
    }
}

/** What applying a change set did: see [Database.apply]. */
public class Applied internal constructor(
    /** The changes that met others, in the order in which they were applied. */
    public val conflicts: List<Conflict>,
    /** Whether changes in the outbox were made to stand on what was applied. */
    public val rebased: Boolean,
) {
    /** Returns the conflicts, for human readers. */
    override fun toString(): String = "Applied(conflicts=$conflicts, rebased=$rebased)"
}

/**
 * A change that could not simply be applied, and what was decided. Rows are values by the names of
 * their columns, in order: null, [Long], [Double], [String] or [ByteArray].
 */
public class Conflict internal constructor(
    /** The table. */
    public val table: String,
    /** What is in the way. */
    public val kind: Kind,
    /** What they did to the row. */
    public val change: Change,
    /** The primary key of the row. */
    public val key: Map<String, Any?>,
    /** The row as it was here; null if there was none. */
    public val ours: Map<String, Any?>?,
    /** The row as they have it, as far as they changed it; of a deletion, as they had it. */
    public val theirs: Map<String, Any?>,
    /** Whose change was kept. */
    public val decision: Decision,
) {
    /** What is in the way of a change. */
    public enum class Kind {
        /** The row is there, with other values than those that they changed or deleted. */
        DATA,

        /** The row that they changed is not there. */
        NOT_FOUND,

        /** A row with the key of the one that they inserted is there. */
        EXISTS,

        /**
         * Another constraint: `UNIQUE` of other columns, `NOT NULL` or `CHECK`. No policy can keep
         * their change. If the table is recorded, the outbox has what undoes it elsewhere.
         */
        CONSTRAINT,
    }

    /** What a change does to a row. */
    public enum class Change {
        /** It was inserted. */
        INSERTED,

        /** It was updated. */
        UPDATED,

        /** It was deleted. */
        DELETED,
    }

    /** Whose change was kept. */
    public enum class Decision {
        /** Theirs. */
        THEIRS,

        /** Ours: theirs was left out. */
        OURS,
    }

    /** Returns all of it, for human readers. */
    override fun toString(): String = "$table $key: $kind, $change; ours=$ours, theirs=$theirs; $decision"
}
