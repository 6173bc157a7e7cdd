package io.github.ubiqlite.internal

import io.github.ubiqlite.Key
import io.github.ubiqlite.Params
import io.github.ubiqlite.UbiqliteException
import java.math.BigInteger
import kotlinx.serialization.SerializationStrategy
import kotlinx.serialization.json.JsonElement

/**
 * Writes a value; [what] it belongs to, and [which] one (a name, or an index from 0), are for
 * the error that refuses it.
 */
internal fun Writer.value(value: Any?, what: String, which: Any? = null) {
    when (value) {
        null -> u8(Tag.NULL)
        is Long -> integer(value)
        is Int -> integer(value.toLong())
        is String -> string(value, what, which)
        is Double -> real(value)
        is Boolean -> integer(if (value) 1 else 0)
        is ByteArray -> {
            u8(Tag.BLOB)
            blob(value)
        }
        is Float -> real(value.toDouble())
        is Short -> integer(value.toLong())
        is Byte -> integer(value.toLong())
        else -> other(value, what, which)
    }
}

private fun Writer.integer(value: Long) {
    u8(Tag.INTEGER)
    i64(value)
}

private fun Writer.real(value: Double) {
    u8(Tag.REAL)
    f64(value)
}

private fun Writer.string(value: String, what: String, which: Any?) {
    u8(Tag.TEXT)
    if (!tryText(value)) throw refused(what, which, HALF)
}

private fun Writer.other(value: Any, what: String, which: Any?) {
    fun refuse(why: String) = refused(what, which, why)
    val text = textOf(value, ::refuse)
    when {
        text != null -> string(text, what, which)
        value is BigInteger -> {
            if (value.bitLength() > 63) throw refuse(BEYOND)
            integer(value.toLong())
        }
        value is ULong -> {
            if (value > Long.MAX_VALUE.toULong()) throw refuse(BEYOND)
            integer(value.toLong())
        }
        value is UInt -> integer(value.toLong())
        value is UShort -> integer(value.toLong())
        value is UByte -> integer(value.toLong())
        value is List<*> || value is Map<*, *> || value is JsonElement -> {
            string(guarded(what, { which }) { jsonText(value, mapping, ::refuse) }, what, which)
        }
        else -> ofProgram(value, what, which)
    }
}

/** Writes a value of one of the program's classes. */
private fun Writer.ofProgram(value: Any, what: String, which: Any?) {
    val serializer = mapping.serializerOf(value)
    if (serializer != null) return CellEncoder.write(this, serializer, value, what, which)
    val other = standsFor(value) { why -> refused(what, which, why) }
    if (other === value) {
        throw refused(what, which, "is a ${value.javaClass.name}, which can't be stored; bind one of its fields, or make it @Serializable")
    }
    value(other, what, which)
}

private const val BEYOND = "is an integer that does not fit in 64 bits; store it as text"

internal fun refused(what: String, which: Any?, why: String, cause: Throwable? = null): UbiqliteException {
    val name = when (which) {
        null -> ""
        is Int -> " ${which + 1}"
        else -> " \"$which\""
    }
    return invalid("$what$name $why", cause)
}

/** Adds what a value belongs to to the error of its serializer. */
internal inline fun <T> guarded(what: String, which: () -> Any?, write: () -> T): T = try {
    write()
} catch (error: UbiqliteException) {
    throw error
} catch (error: Exception) {
    throw refused(what, which(), "can't be written: ${error.message ?: error}", error)
}

private const val BY_POSITION = 1
private const val BY_NAME = 2

/** Writes parameters as they are passed to a call: values, pairs of names and values, or one [Params]. */
internal fun Writer.params(params: Array<out Any?>) {
    if (params.isEmpty()) return u8(0)
    val first = params[0]
    if (first is Params && params.size == 1) return params(first)
    if (first !is Pair<*, *>) return byPosition(params.size) { params[it] }
    u8(BY_NAME)
    u32(params.size)
    for (param in params) {
        val name = (param as? Pair<*, *>)?.first as? String
            ?: throw invalid("parameters must be values by position or pairs by name, not both")
        text(name)
        value(param.second, "parameter", name)
    }
}

/** Writes the parameters of one of many rows: a list, a map, or [Params]. */
internal fun Writer.row(row: Any?) {
    when (row) {
        is Params -> params(row)
        is List<*> -> byPosition(row.size) { row[it] }
        is Array<*> -> byPosition(row.size) { row[it] }
        is Map<*, *> -> byName(row)
        else -> throw invalid("a row of parameters must be a list by position or a map by name, not ${nameOf(row)}")
    }
}

private fun Writer.params(params: Params) {
    params.values?.let { values -> byPosition(values.size) { values[it] } } ?: byName(params.named.orEmpty())
}

private inline fun Writer.byPosition(count: Int, at: (Int) -> Any?) {
    u8(BY_POSITION)
    u32(count)
    for (index in 0 until count) {
        val param = at(index)
        if (param is Pair<*, *> || param is Params) {
            throw invalid("parameters must be values by position or pairs by name, not both")
        }
        value(param, "parameter", index)
    }
}

private fun Writer.byName(values: Map<*, *>) {
    u8(BY_NAME)
    named(values, "parameter")
}

/** Writes columns with their values. */
internal fun Writer.record(fields: Map<String, Any?>) = named(fields, "field")

/** Writes columns with their values. */
internal fun Writer.record(fields: Array<out Pair<String, Any?>>) {
    u32(fields.size)
    for ((name, value) in fields) {
        text(name)
        value(value, "field", name)
    }
}

private fun Writer.named(values: Map<*, *>, what: String) {
    u32(values.size)
    for ((name, value) in values) {
        text(name as? String ?: throw invalid("a name must be a string, not ${nameOf(name)}"))
        value(value, what, name)
    }
}

/** Writes a primary key: one value, or a [Key] of several. */
internal fun Writer.key(key: Any?) {
    val values = (key as? Key)?.values
    if (values == null) {
        u32(1)
        value(key, "the key")
    } else {
        u32(values.size)
        for (value in values) value(value, "the key")
    }
}

/** Writes columns with their values, from the properties of a class. */
internal fun <T> Writer.record(serializer: SerializationStrategy<T>, row: T) = CellEncoder.record(this, serializer, row)

private fun nameOf(value: Any?): String = if (value == null) "null" else value.javaClass.name
