package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Blob
import io.r2dbc.spi.Clob
import io.r2dbc.spi.Parameter
import java.io.ByteArrayOutputStream
import java.math.BigDecimal
import java.math.BigInteger
import java.nio.ByteBuffer
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.time.OffsetDateTime
import java.time.ZonedDateTime
import java.util.UUID
import kotlinx.coroutines.reactive.collect

/**
 * Converts a value for binding: to one that the library takes, or a [Blob] or [Clob] that has
 * not been read yet.
 *
 * @throws IllegalArgumentException if it is of a type that can't be stored
 */
internal fun bindable(value: Any?): Any? = when (value) {
    null -> null
    is Parameter -> {
        require(value !is Parameter.Out) { "SQLite has no procedures, and so no OUT parameters" }
        bindable(value.value)
    }
    is String, is Number, is Boolean, is Char, is Blob, is Clob -> when (value) {
        is String, is Long, is Int, is Double, is Boolean, is Blob, is Clob -> value
        is Short, is Byte, is Float, is BigDecimal, is BigInteger, is Char -> value
        else -> throw unknown(value)
    }
    // By the constant's name, as it is read back: the library would use its @SerialName.
    is Enum<*> -> value.name
    is ByteArray, is UUID -> value
    is Instant, is OffsetDateTime, is ZonedDateTime, is LocalDate, is LocalDateTime, is LocalTime -> value
    is ByteBuffer -> bytes(value)
    is CharSequence -> value.toString()
    is UInt, is ULong, is UByte, is UShort, is List<*>, is Map<*, *> -> value
    else -> throw unknown(value)
}

private fun unknown(value: Any) = IllegalArgumentException(
    "a ${value.javaClass.name} can't be stored by SQLite; bind a number, a text, bytes, a date or time, a UUID, a Blob or a Clob",
)

private fun bytes(buffer: ByteBuffer): ByteArray {
    val copy = ByteArray(buffer.remaining())
    buffer.duplicate().get(copy)
    return copy
}

/** Returns whether a value must be [read] before it is stored. */
internal fun isLarge(value: Any?): Boolean = value is Blob || value is Clob

/** Reads a [Blob] into bytes and a [Clob] into a text; returns anything else unchanged. */
internal suspend fun read(value: Any?): Any? = when (value) {
    is Blob -> ByteArrayOutputStream().also { out -> value.stream().collect { out.write(bytes(it)) } }.toByteArray()
    is Clob -> StringBuilder().also { out -> value.stream().collect { out.append(it) } }.toString()
    else -> value
}
