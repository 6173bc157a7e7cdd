package io.github.ubiqlite.java

import io.github.ubiqlite.Row as SuspendingRow
import java.math.BigDecimal
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.util.UUID

/**
 * A row of a result. Its values stay where the engine has put them, and are read on
 * demand: so a row keeps its whole page in memory.
 *
 * ```java
 * Row row = db.queryOne("SELECT id, name, made FROM items WHERE id = ?", 1).get();
 * row.getLong("id"); row.getString("name"); row.getInstant("made"); row.get("name");
 * ```
 *
 * A value is never rounded, truncated or mistaken for another. A getter of another type throws
 * [io.github.ubiqlite.UbiqliteException.DatatypeMismatch], and one for a column that does not
 * exist throws [io.github.ubiqlite.UbiqliteException.NoSuchColumn]. For `NULL` a getter returns
 * null; one of a primitive type refuses it: use [isNull], or `get("id", Long.class)`.
 * Columns are named, or numbered from 0.
 */
public class Row internal constructor(private val row: SuspendingRow) {
    /** The names of the columns. A name that a statement yields twice becomes `id` and `id:2`. */
    public val columns: List<String> get() = row.columns

    /** Returns the number of columns. */
    public fun size(): Int = row.size

    /** Returns the index of a column, from 0; -1 if there is none with this name. */
    public fun indexOf(column: String): Int = row.indexOf(column)

    /** Returns the value: null, [Long], [Double], [String] or `byte[]`; text that is not UTF-8 as its bytes. */
    public fun get(column: String): Any? = row[column]

    /** Like the getter by name. */
    public fun get(index: Int): Any? = row[index]

    /**
     * Returns the value as a class: a boxed number or `Boolean`, `String`, `byte[]`, an enum
     * (by its name), those of `java.time`, `UUID`, `BigDecimal`, or `Object` for SQLite's own
     * type. Null for `NULL`.
     *
     * @throws io.github.ubiqlite.UbiqliteException.InvalidArgument if no value is read as that class
     */
    public fun <T : Any> get(column: String, type: Class<T>): T? = row.read(row.place(column), type)

    /** Like the getter by name. */
    public fun <T : Any> get(index: Int, type: Class<T>): T? = row.read(index, type)

    /** Returns whether the value is `NULL`. */
    public fun isNull(column: String): Boolean = row.isNull(column)

    /** Like the getter by name. */
    public fun isNull(index: Int): Boolean = row.isNull(index)

    /** Returns an integer. */
    public fun getLong(column: String): Long = row.long(column)

    /** Like the getter by name. */
    public fun getLong(index: Int): Long = row.long(index)

    /** Returns a 32-bit integer; a larger one is refused. */
    public fun getInt(column: String): Int = row.int(column)

    /** Like the getter by name. */
    public fun getInt(index: Int): Int = row.int(index)

    /** Returns a real, or an integer that converts to one without rounding. */
    public fun getDouble(column: String): Double = row.double(column)

    /** Like the getter by name. */
    public fun getDouble(index: Int): Double = row.double(index)

    /** Returns a boolean, from 0 or 1. */
    public fun getBoolean(column: String): Boolean = row.boolean(column)

    /** Like the getter by name. */
    public fun getBoolean(index: Int): Boolean = row.boolean(index)

    /** Returns a text. */
    public fun getString(column: String): String? = row.stringOrNull(column)

    /** Like the getter by name. */
    public fun getString(index: Int): String? = row.stringOrNull(index)

    /** Returns the bytes of a blob or a text. */
    public fun getBytes(column: String): ByteArray? = row.bytesOrNull(column)

    /** Like the getter by name. */
    public fun getBytes(index: Int): ByteArray? = row.bytesOrNull(index)

    /** Returns an instant, from ISO 8601 text with a zone. */
    public fun getInstant(column: String): Instant? = get(column, Instant::class.java)

    /** Like the getter by name. */
    public fun getInstant(index: Int): Instant? = get(index, Instant::class.java)

    /** Returns a date, from ISO 8601 text. */
    public fun getLocalDate(column: String): LocalDate? = get(column, LocalDate::class.java)

    /** Like the getter by name. */
    public fun getLocalDate(index: Int): LocalDate? = get(index, LocalDate::class.java)

    /** Returns a time of day, from ISO 8601 text. */
    public fun getLocalTime(column: String): LocalTime? = get(column, LocalTime::class.java)

    /** Like the getter by name. */
    public fun getLocalTime(index: Int): LocalTime? = get(index, LocalTime::class.java)

    /** Returns a date with a time of day, from ISO 8601 text without a zone. */
    public fun getLocalDateTime(column: String): LocalDateTime? = get(column, LocalDateTime::class.java)

    /** Like the getter by name. */
    public fun getLocalDateTime(index: Int): LocalDateTime? = get(index, LocalDateTime::class.java)

    /** Returns a UUID, from its text. */
    public fun getUuid(column: String): UUID? = get(column, UUID::class.java)

    /** Like the getter by name. */
    public fun getUuid(index: Int): UUID? = get(index, UUID::class.java)

    /** Returns a decimal, from its text or from a number. */
    public fun getBigDecimal(column: String): BigDecimal? = get(column, BigDecimal::class.java)

    /** Like the getter by name. */
    public fun getBigDecimal(index: Int): BigDecimal? = get(index, BigDecimal::class.java)

    /** Returns all values by the names of their columns, in order. */
    public fun toMap(): Map<String, Any?> = row.toMap()

    /** Returns whether [other] is a row with the same columns and the same values, in the same order. */
    override fun equals(other: Any?): Boolean = this === other || other is Row && row == other.row

    override fun hashCode(): Int = row.hashCode()

    /** Returns the values by name, for human readers. */
    override fun toString(): String = row.toString()
}

/** Returns rows that are made on demand. */
internal fun rows(rows: List<SuspendingRow>): List<Row> = RowList(rows)

private class RowList(private val rows: List<SuspendingRow>) : AbstractList<Row>(), RandomAccess {
    override val size: Int get() = rows.size

    override fun get(index: Int): Row = Row(rows[index])
}
