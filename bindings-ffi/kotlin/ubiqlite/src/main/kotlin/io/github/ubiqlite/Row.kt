package io.github.ubiqlite

import io.github.ubiqlite.internal.Mapping
import io.github.ubiqlite.internal.Page
import io.github.ubiqlite.internal.RowDecoder
import io.github.ubiqlite.internal.Tag
import io.github.ubiqlite.internal.Fields
import io.github.ubiqlite.internal.known
import io.github.ubiqlite.internal.mismatch
import kotlin.reflect.KClass
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.modules.SerializersModule
import kotlinx.serialization.serializer

/**
 * A row of a result. Its values stay where the engine has put them, and are read on
 * demand: so a row keeps its whole page in memory.
 *
 * ```kotlin
 * val row = db.queryOne("SELECT id, name, value FROM items WHERE id = ?", 1)
 * row.long("id"); row.string("name"); row.doubleOrNull("value"); row["name"]
 * val item = row.into<Item>()
 * ```
 *
 * A value is never rounded, truncated or mistaken for another. A getter of another type
 * throws [UbiqliteException.DatatypeMismatch], and one for a column that does not exist
 * throws [UbiqliteException.NoSuchColumn].
 */
public class Row internal constructor(private val page: Page, private val at: Int) {
    /** The names of the columns. A name that a statement yields twice becomes `id` and `id:2`. */
    public val columns: List<String> get() = page.columns.names

    /** How many columns there are. */
    public val size: Int get() = page.columns.names.size

    /**
     * Returns the index of a column, from 0; -1 if there is none with this name. If no column
     * has exactly this name, it is the first that differs only in the case of ASCII letters.
     */
    public fun indexOf(column: String): Int = page.columns.indexOf(column)

    private fun cell(column: String): Int {
        val index = page.columns.indexOf(column)
        if (index < 0) {
            throw UbiqliteException.NoSuchColumn(
                Fields("the row has no column \"$column\"; it has ${columns.joinToString()}", columns = listOf(column)),
            )
        }
        return at + Page.CELL * index
    }

    private fun cell(index: Int): Int {
        if (index < 0 || index >= size) {
            throw UbiqliteException.NoSuchColumn(Fields("the row has $size columns, but none at index $index"))
        }
        return at + Page.CELL * index
    }

    /** Returns the value: null, [Long], [Double], [String] or [ByteArray]; text that is not UTF-8 as its bytes. */
    public operator fun get(column: String): Any? = page.value(cell(column))

    /** Like the getter by name, for the column at [index], from 0. */
    public operator fun get(index: Int): Any? = page.value(cell(index))

    /** Returns whether the value is `NULL`. */
    public fun isNull(column: String): Boolean = page.tag(cell(column)) == Tag.NULL

    /** Like the getter by name, for the column at [index], from 0. */
    public fun isNull(index: Int): Boolean = page.tag(cell(index)) == Tag.NULL

    /** Returns an integer. */
    public fun long(column: String): Long = integerAt(cell(column))

    /** Returns an integer. */
    public fun long(index: Int): Long = integerAt(cell(index))

    /** Returns an integer, or null for `NULL`. */
    public fun longOrNull(column: String): Long? = orNull(cell(column), ::integerAt)

    /** Returns an integer, or null for `NULL`. */
    public fun longOrNull(index: Int): Long? = orNull(cell(index), ::integerAt)

    /** Returns a 32-bit integer; a larger one is refused. */
    public fun int(column: String): Int = intAt(cell(column))

    /** Returns a 32-bit integer; a larger one is refused. */
    public fun int(index: Int): Int = intAt(cell(index))

    /** Returns a 32-bit integer, or null for `NULL`. */
    public fun intOrNull(column: String): Int? = orNull(cell(column), ::intAt)

    /** Returns a 32-bit integer, or null for `NULL`. */
    public fun intOrNull(index: Int): Int? = orNull(cell(index), ::intAt)

    /** Returns a real, or an integer that converts to one without rounding. */
    public fun double(column: String): Double = realAt(cell(column))

    /** Returns a real, or an integer that converts to one without rounding. */
    public fun double(index: Int): Double = realAt(cell(index))

    /** Returns a real, or null for `NULL`. */
    public fun doubleOrNull(column: String): Double? = orNull(cell(column), ::realAt)

    /** Returns a real, or null for `NULL`. */
    public fun doubleOrNull(index: Int): Double? = orNull(cell(index), ::realAt)

    /** Returns a text. */
    public fun string(column: String): String = textAt(cell(column))

    /** Returns a text. */
    public fun string(index: Int): String = textAt(cell(index))

    /** Returns a text, or null for `NULL`. */
    public fun stringOrNull(column: String): String? = orNull(cell(column), ::textAt)

    /** Returns a text, or null for `NULL`. */
    public fun stringOrNull(index: Int): String? = orNull(cell(index), ::textAt)

    /** Returns the bytes of a blob or a text. */
    public fun bytes(column: String): ByteArray = bytesAt(cell(column))

    /** Returns the bytes of a blob or a text. */
    public fun bytes(index: Int): ByteArray = bytesAt(cell(index))

    /** Returns the bytes of a blob or a text, or null for `NULL`. */
    public fun bytesOrNull(column: String): ByteArray? = orNull(cell(column), ::bytesAt)

    /** Returns the bytes of a blob or a text, or null for `NULL`. */
    public fun bytesOrNull(index: Int): ByteArray? = orNull(cell(index), ::bytesAt)

    /** Returns a boolean, from 0 or 1. */
    public fun boolean(column: String): Boolean = booleanAt(cell(column))

    /** Returns a boolean, from 0 or 1. */
    public fun boolean(index: Int): Boolean = booleanAt(cell(index))

    /** Returns a boolean, or null for `NULL`. */
    public fun booleanOrNull(column: String): Boolean? = orNull(cell(column), ::booleanAt)

    /** Returns a boolean, or null for `NULL`. */
    public fun booleanOrNull(index: Int): Boolean? = orNull(cell(index), ::booleanAt)

    /**
     * Returns the row as a class that kotlinx.serialization knows, by the names of its
     * properties. A column without a property is ignored; a property without a column has
     * its default. A list, map or class inside is read from JSON text, an enum from its
     * name or `@SerialName`. For a row with one column, [T] may also be the type of its
     * value. The platform's times, `UUID` and `BigDecimal`, and the types of
     * [DatabaseOptions.json] are `@Contextual`.
     *
     * @throws UbiqliteException.DatatypeMismatch if a value does not fit, or is missing
     * @throws UbiqliteException.InvalidArgument if the class has no serializer
     */
    public inline fun <reified T> into(): T = read(known(T::class) { serializers.serializer<T>() }, T::class)

    @PublishedApi
    internal fun <T> read(deserializer: DeserializationStrategy<T>, type: KClass<*>): T = RowDecoder.decode(this, deserializer, type)

    @PublishedApi
    internal val serializers: SerializersModule get() = mapping.module

    internal val mapping: Mapping get() = page.mapping

    /** Like the other [into], with an explicit serializer. */
    public fun <T> into(deserializer: DeserializationStrategy<T>): T = RowDecoder.decode(this, deserializer)

    /** Returns all values by the names of their columns, in order. */
    public fun toMap(): Map<String, Any?> {
        val all = LinkedHashMap<String, Any?>(2 * size)
        for (index in 0 until size) all[columns[index]] = get(index)
        return all
    }

    /** Returns whether [other] is a row with the same columns and the same values, in the same order. */
    override fun equals(other: Any?): Boolean =
        this === other || other is Row && columns == other.columns && (0 until size).all { same(get(it), other[it]) }

    override fun hashCode(): Int = (0 until size).fold(columns.hashCode()) { hash, index ->
        val value = get(index)
        31 * hash + if (value is ByteArray) value.contentHashCode() else value.hashCode()
    }

    private fun same(one: Any?, other: Any?): Boolean =
        if (one is ByteArray && other is ByteArray) one.contentEquals(other) else one == other

    /** Returns the values by name, for human readers. */
    override fun toString(): String = toMap().toString()

    private inline fun <T> orNull(cell: Int, read: (Int) -> T): T? = if (page.tag(cell) == Tag.NULL) null else read(cell)

    private fun integerAt(cell: Int): Long {
        if (page.tag(cell) != Tag.INTEGER) throw unfit(cell, "an integer")
        return page.integer(cell)
    }

    private fun intAt(cell: Int): Int {
        val value = integerAt(cell)
        if (value != value.toInt().toLong()) throw mismatch("column \"${name(cell)}\": $value does not fit in 32 bits")
        return value.toInt()
    }

    private fun realAt(cell: Int): Double = when (page.tag(cell)) {
        Tag.REAL -> page.real(cell)
        Tag.INTEGER -> {
            val value = page.integer(cell)
            if (value !in -EXACT..EXACT) {
                throw mismatch("column \"${name(cell)}\": $value can't be read as a double without rounding")
            }
            value.toDouble()
        }
        else -> throw unfit(cell, "a number")
    }

    private fun textAt(cell: Int): String {
        val tag = page.tag(cell)
        if (tag != Tag.TEXT && tag != Tag.ASCII) throw unfit(cell, "text")
        return page.text(cell, tag)
            ?: throw mismatch("column \"${name(cell)}\": the text is not UTF-8; read it as bytes")
    }

    private fun bytesAt(cell: Int): ByteArray = when (page.tag(cell)) {
        Tag.BLOB, Tag.TEXT, Tag.ASCII -> page.bytes(cell)
        else -> throw unfit(cell, "bytes")
    }

    private fun booleanAt(cell: Int): Boolean {
        val value = if (page.tag(cell) == Tag.INTEGER) page.integer(cell) else -1
        if (value != 0L && value != 1L) throw unfit(cell, "a boolean (0 or 1)")
        return value == 1L
    }

    private fun name(cell: Int): String = columns[(cell - at) / Page.CELL]

    private fun unfit(cell: Int, wanted: String): UbiqliteException {
        val found = when (page.tag(cell)) {
            Tag.NULL -> "NULL"
            Tag.INTEGER -> "the integer ${page.integer(cell)}"
            Tag.REAL -> "a real"
            Tag.BLOB -> "a blob"
            else -> "a text"
        }
        return mismatch("column \"${name(cell)}\": the value is $found, which is not $wanted")
    }

    private companion object {
        /** Integers up to this convert to doubles without loss. */
        const val EXACT = 1L shl 53
    }
}
