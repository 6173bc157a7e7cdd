package io.github.ubiqlite.internal

import java.math.BigDecimal
import java.math.BigInteger
import kotlinx.serialization.json.JsonElement

/**
 * Returns a list or map as JSON text. Values that JSON would silently change are refused, with
 * the exception that [refuse] makes from a reason.
 */
internal fun jsonText(value: Any, mapping: Mapping, refuse: (String) -> Exception): String =
    StringBuilder().also { JsonText(it, mapping, refuse).write(value, 0) }.toString()

/** Escapes halves of surrogate pairs, which JSON can express and UTF-8 can't: in valid JSON they occur only in strings. */
internal fun escapedHalves(json: String): String {
    if (json.indices.none { isHalf(json, it) }) return json
    return buildString(json.length + 16) { json.indices.forEach { if (isHalf(json, it)) escape(json[it]) else append(json[it]) } }
}

private class JsonText(private val out: StringBuilder, private val mapping: Mapping, private val refuse: (String) -> Exception) {
    fun write(value: Any?, depth: Int) {
        if (depth > DEEPEST) throw refuse("contains lists and maps nested more than $DEEPEST deep, or contains itself")
        when (value) {
            null, is Boolean -> out.append(value.toString())
            is JsonElement -> out.append(escapedHalves(value.toString()))
            is String -> string(value)
            is Double -> real(value, value.isFinite())
            is Float -> real(value, value.isFinite())
            is Byte, is Short, is Int, is Long, is UByte, is UShort, is UInt, is ULong, is BigInteger ->
                out.append(value.toString())
            is BigDecimal -> out.append(value.toPlainString())
            is List<*> -> list(value, depth)
            is Map<*, *> -> map(value, depth)
            else -> textOf(value, refuse)?.let { string(it) } ?: ofProgram(value, depth)
        }
    }

    /** Writes a value of one of the program's classes. */
    private fun ofProgram(value: Any, depth: Int) {
        val serializer = mapping.serializerOf(value)
        if (serializer != null) {
            out.append(escapedHalves(mapping.write(value, serializer)))
            return
        }
        val other = standsFor(value) { why -> refuse("contains a value that $why") }
        if (other === value) throw refuse("contains a ${value.javaClass.name}, which JSON does not have")
        write(other, depth + 1)
    }

    private fun real(value: Number, finite: Boolean) {
        if (!finite) throw refuse("contains $value, which JSON does not have")
        out.append(value.toString())
    }

    private fun list(values: List<*>, depth: Int) {
        out.append('[')
        values.forEachIndexed { index, value ->
            if (index > 0) out.append(',')
            write(value, depth + 1)
        }
        out.append(']')
    }

    private fun map(values: Map<*, *>, depth: Int) {
        out.append('{')
        var first = true
        for ((name, value) in values) {
            if (!first) out.append(',')
            first = false
            string(name as? String ?: throw refuse("contains a map with a key that is not a string"))
            out.append(':')
            write(value, depth + 1)
        }
        out.append('}')
    }

    private fun string(text: String) {
        out.append('"')
        for ((index, unit) in text.withIndex()) {
            when {
                unit == '"' || unit == '\\' -> out.append('\\').append(unit)
                unit < ' ' || isHalf(text, index) -> out.escape(unit)
                else -> out.append(unit)
            }
        }
        out.append('"')
    }

    private companion object {
        const val DEEPEST = 1000
    }
}

private fun StringBuilder.escape(unit: Char) {
    append("\\u").append(unit.code.toString(16).padStart(4, '0'))
}

/** Returns whether the unit is a surrogate without its partner. */
private fun isHalf(text: String, index: Int): Boolean = when {
    text[index].isHighSurrogate() -> text.getOrNull(index + 1)?.isLowSurrogate() != true
    text[index].isLowSurrogate() -> text.getOrNull(index - 1)?.isHighSurrogate() != true
    else -> false
}
