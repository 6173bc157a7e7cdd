package io.github.ubiqlite.java

import io.github.ubiqlite.Row as SuspendingRow
import java.math.BigDecimal
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.util.UUID

/**
 * A row of a result. Its values lie where the engine has put them, and are read when they
 * are asked for: so a row keeps the page that it is on in memory.
 *
 * ```java
 * Row row = db.queryOne("SELECT id, name, made FROM items WHERE id = ?", 1).get();
 * row.getLong("id"); row.getString("name"); row.getInstant("made"); row.get("name");
 * ```
 *
 * A value is never rounded, cut or taken for another: a getter of another type throws
 * [io.github.ubiqlite.UbiqliteException.DatatypeMismatch], one of a column that is not
 * there [io.github.ubiqlite.UbiqliteException.NoSuchColumn]. Of `NULL` a getter gives
 * null; one of a primitive type refuses it: ask [isNull], or `get("id", Long.class)`.
 * Columns are named, or numbered from 0.
 */
public class Row internal constructor(private val row: SuspendingRow) {
    /** The names of the columns. One that a statement yields twice is `id` and `id:2`. */
    public val columns: List<String> get() = row.columns

    /** How many columns there are. */
    public fun size(): Int = row.size

    /** The place of a column, from 0; -1 if there is none of the name. */
    public fun indexOf(column: String): Int = row.indexOf(column)

    /** The value: null, [Long], [Double], [String] or `byte[]`; a text that is not UTF-8 as its bytes. */
    public fun get(column: String): Any? = row[column]

    /** As by name. */
    public fun get(index: Int): Any? = row[index]

    /**
     * The value as a class: a boxed number or `Boolean`, `String`, `byte[]`, an enum (by
     * its name), those of `java.time`, `UUID`, `BigDecimal`, or `Object` as SQLite has it.
     * Null for `NULL`.
     *
     * @throws io.github.ubiqlite.UbiqliteException.InvalidArgument if no value is read as that class
     */
    public fun <T : Any> get(column: String, type: Class<T>): T? = row.read(row.place(column), type)

    /** As by name. */
    public fun <T : Any> get(index: Int, type: Class<T>): T? = row.read(index, type)

    /** Whether the value is `NULL`. */
    public fun isNull(column: String): Boolean = row.isNull(column)

    /** As by name. */
    public fun isNull(index: Int): Boolean = row.isNull(index)

    /** An integer. */
    public fun getLong(column: String): Long = row.long(column)

    /** As by name. */
    public fun getLong(index: Int): Long = row.long(index)

    /** An integer of 32 bits; a larger one is refused. */
    public fun getInt(column: String): Int = row.int(column)

    /** As by name. */
    public fun getInt(index: Int): Int = row.int(index)

    /** A real, or an integer that is one without being rounded. */
    public fun getDouble(column: String): Double = row.double(column)

    /** As by name. */
    public fun getDouble(index: Int): Double = row.double(index)

    /** A boolean: 0 or 1. */
    public fun getBoolean(column: String): Boolean = row.boolean(column)

    /** As by name. */
    public fun getBoolean(index: Int): Boolean = row.boolean(index)

    /** A text. */
    public fun getString(column: String): String? = row.stringOrNull(column)

    /** As by name. */
    public fun getString(index: Int): String? = row.stringOrNull(index)

    /** The bytes of a blob or a text. */
    public fun getBytes(column: String): ByteArray? = row.bytesOrNull(column)

    /** As by name. */
    public fun getBytes(index: Int): ByteArray? = row.bytesOrNull(index)

    /** An instant, from ISO 8601 text with a zone. */
    public fun getInstant(column: String): Instant? = get(column, Instant::class.java)

    /** As by name. */
    public fun getInstant(index: Int): Instant? = get(index, Instant::class.java)

    /** A date, from ISO 8601 text. */
    public fun getLocalDate(column: String): LocalDate? = get(column, LocalDate::class.java)

    /** As by name. */
    public fun getLocalDate(index: Int): LocalDate? = get(index, LocalDate::class.java)

    /** A time of day, from ISO 8601 text. */
    public fun getLocalTime(column: String): LocalTime? = get(column, LocalTime::class.java)

    /** As by name. */
    public fun getLocalTime(index: Int): LocalTime? = get(index, LocalTime::class.java)

    /** A date with a time of day, from ISO 8601 text without a zone. */
    public fun getLocalDateTime(column: String): LocalDateTime? = get(column, LocalDateTime::class.java)

    /** As by name. */
    public fun getLocalDateTime(index: Int): LocalDateTime? = get(index, LocalDateTime::class.java)

    /** A UUID, from its text. */
    public fun getUuid(column: String): UUID? = get(column, UUID::class.java)

    /** As by name. */
    public fun getUuid(index: Int): UUID? = get(index, UUID::class.java)

    /** A decimal, from its text; or a number. */
    public fun getBigDecimal(column: String): BigDecimal? = get(column, BigDecimal::class.java)

    /** As by name. */
    public fun getBigDecimal(index: Int): BigDecimal? = get(index, BigDecimal::class.java)

    /** All values by the names of their columns, in their order. */
    public fun toMap(): Map<String, Any?> = row.toMap()

    /** Whether the other is a row with the same columns and the same values, in the same order. */
    override fun equals(other: Any?): Boolean = this === other || other is Row && row == other.row

    override fun hashCode(): Int = row.hashCode()

    /** The values by name, for people. */
    override fun toString(): String = row.toString()
}

/** Rows that are made when they are asked for. */
internal fun rows(rows: List<SuspendingRow>): List<Row> = RowList(rows)

private class RowList(private val rows: List<SuspendingRow>) : AbstractList<Row>(), RandomAccess {
    override val size: Int get() = rows.size

    override fun get(index: Int): Row = Row(rows[index])
}
