package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.ColumnMetadata
import io.r2dbc.spi.Result
import io.r2dbc.spi.Row
import io.r2dbc.spi.RowMetadata
import io.r2dbc.spi.Type
import java.nio.ByteBuffer
import java.util.NoSuchElementException

/** A row, which is also the segment of a result and the description of its columns. */
internal class UbiqliteRow(private val row: io.github.ubiqlite.Row, private val names: Names) :
    Row, RowMetadata, Result.RowSegment {
    override fun row(): Row = this

    override fun getMetadata(): RowMetadata = this

    override fun get(index: Int): Any? = plain(row[checked(index)])

    override fun get(name: String): Any? = plain(row[place(name)])

    override fun <T : Any> get(index: Int, type: Class<T>): T? =
        decode(row[checked(index)], required(type, "the type"), names.all[index])

    override fun <T : Any> get(name: String, type: Class<T>): T? =
        decode(row[place(name)], required(type, "the type"), name)

    override fun getColumnMetadata(index: Int): ColumnMetadata =
        UbiqliteColumn(names.all[checked(index)], StorageClass.of(row[index]))

    override fun getColumnMetadata(name: String): ColumnMetadata = getColumnMetadata(place(name))

    override fun getColumnMetadatas(): List<ColumnMetadata> = List(row.size) { getColumnMetadata(it) }

    override fun contains(columnName: String): Boolean = names.indexOf(columnName) >= 0

    override fun toString(): String = row.toString()

    private fun checked(index: Int): Int {
        if (index < 0 || index >= row.size) {
            throw IndexOutOfBoundsException("the row has ${row.size} columns, but none at index $index")
        }
        return index
    }

    private fun place(name: String): Int {
        val place = names.indexOf(required(name, "the name"))
        if (place < 0) throw NoSuchElementException("the row has no column \"$name\"; it has ${names.all.joinToString()}")
        return place
    }
}

/** The names of a result's columns as in its statement. */
internal class Names(val given: List<String>) {
    val all: List<String> = original(given)

    /** Returns the index of the first column with a name, in any case; -1 if there is none. */
    fun indexOf(name: String): Int {
        val exact = all.indexOf(name)
        return if (exact >= 0) exact else all.indexOfFirst { it.equals(name, ignoreCase = true) }
    }

    private companion object {
        /** Restores duplicate names: the library renames them, as `id` and `id:2`; R2DBC does not. */
        fun original(given: List<String>): List<String> {
            if (given.none { ':' in it }) return given
            val seen = HashMap<String, Int>()
            return given.map { name ->
                val base = name.substringBeforeLast(':')
                val again = base != name && name == "$base:${(seen[base] ?: 0) + 1}" && seen[base] != null
                (if (again) base else name).also { seen.merge(it, 1, Int::plus) }
            }
        }
    }
}

/** The type SQLite stores a value as. Values have types, and columns do not: each row has its own. */
internal enum class StorageClass(private val java: Class<*>) : Type {
    NULL(Any::class.java),
    INTEGER(Long::class.javaObjectType),
    REAL(Double::class.javaObjectType),
    TEXT(String::class.java),
    BLOB(ByteBuffer::class.java),
    ;

    override fun getJavaType(): Class<*> = java

    override fun getName(): String = name

    companion object {
        fun of(value: Any?): StorageClass = when (value) {
            null -> NULL
            is Long -> INTEGER
            is Double -> REAL
            is String -> TEXT
            else -> BLOB
        }
    }
}

private class UbiqliteColumn(private val name: String, private val type: StorageClass) : ColumnMetadata {
    override fun getName(): String = name

    override fun getType(): Type = type

    override fun getJavaType(): Class<*> = type.javaType

    override fun getNativeTypeMetadata(): Any = type

    override fun toString(): String = "$name ${type.name}"
}
