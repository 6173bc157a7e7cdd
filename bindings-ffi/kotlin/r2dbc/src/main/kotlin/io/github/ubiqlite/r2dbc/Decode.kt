package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Blob
import io.r2dbc.spi.Clob
import java.math.BigDecimal
import java.math.BigInteger
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.UUID
import kotlinx.coroutines.reactive.asPublisher
import kotlinx.coroutines.flow.flowOf

/** Returns a value as `get` without a type does: an integer as an [Int] if it fits, bytes in a [ByteBuffer]. */
internal fun plain(value: Any?): Any? = when (value) {
    is Long -> if (value.toInt().toLong() == value) value.toInt() else value
    is ByteArray -> ByteBuffer.wrap(value)
    else -> value
}

/**
 * Converts one of SQLite's values to the requested type: it is never rounded, truncated or guessed.
 *
 * @throws IllegalArgumentException if it can't be that
 */
internal fun <T : Any> decode(value: Any?, type: Class<T>, column: String): T? {
    if (value == null) return null
    if (type.isInstance(value) && type != Any::class.java && type != Number::class.java) return type.cast(value)
    val decoded = decoded(value, type)
        ?: throw IllegalArgumentException("column \"$column\": ${describe(value)} can't be read as a ${type.name}")
    @Suppress("UNCHECKED_CAST")
    return decoded as T
}

private fun describe(value: Any): String = when (value) {
    is Long -> "the integer $value"
    is Double -> "the real $value"
    is String -> "the text \"${if (value.length > 40) value.take(40) + "…" else value}\""
    else -> "a blob of ${(value as ByteArray).size} bytes"
}

private fun decoded(value: Any, type: Class<*>): Any? = when {
    type == Any::class.java || type == Number::class.java && value !is String && value !is ByteArray -> plain(value)
    type.isEnum -> type.enumConstants.find { (it as Enum<*>).name == value }
    value is Long -> integer(value, type)
    value is Double -> real(value, type)
    value is String -> text(value, type) ?: decodedTime(value, type)
    value is ByteArray -> blob(value, type)
    else -> null
}

private fun integer(value: Long, type: Class<*>): Any? = when (type) {
    Int::class.javaObjectType, Int::class.javaPrimitiveType -> value.toInt().takeIf { it.toLong() == value }
    Long::class.javaObjectType, Long::class.javaPrimitiveType -> value
    Short::class.javaObjectType, Short::class.javaPrimitiveType -> value.toShort().takeIf { it.toLong() == value }
    Byte::class.javaObjectType, Byte::class.javaPrimitiveType -> value.toByte().takeIf { it.toLong() == value }
    Boolean::class.javaObjectType, Boolean::class.javaPrimitiveType -> if (value in 0..1) value == 1L else null
    Double::class.javaObjectType, Double::class.javaPrimitiveType ->
        value.toDouble().takeIf { value in -EXACT..EXACT }
    Float::class.javaObjectType, Float::class.javaPrimitiveType ->
        value.toFloat().takeIf { value in -EXACT_FLOAT..EXACT_FLOAT }
    BigDecimal::class.java -> BigDecimal.valueOf(value)
    BigInteger::class.java -> BigInteger.valueOf(value)
    String::class.java, CharSequence::class.java -> value.toString()
    else -> null
}

private fun real(value: Double, type: Class<*>): Any? = when (type) {
    Double::class.javaPrimitiveType -> value
    Float::class.javaObjectType, Float::class.javaPrimitiveType ->
        value.toFloat().takeIf { it.toDouble() == value }
    // Its shortest decimal: the one that was written, if it was a decimal.
    BigDecimal::class.java -> if (value.isFinite()) BigDecimal(value.toString()) else null
    String::class.java, CharSequence::class.java -> value.toString()
    else -> if (value.toLong().toDouble() == value && value in WHOLE) integer(value.toLong(), type) else null
}

private fun text(value: String, type: Class<*>): Any? = when (type) {
    Char::class.javaObjectType, Char::class.javaPrimitiveType -> value.singleOrNull()
    BigDecimal::class.java -> value.toBigDecimalOrNull()
    BigInteger::class.java -> value.toBigIntegerOrNull()
    UUID::class.java -> runCatching { UUID.fromString(value) }.getOrNull()
    Clob::class.java -> Clob.from(flowOf<CharSequence>(value).asPublisher())
    ByteArray::class.java -> value.toByteArray()
    ByteBuffer::class.java -> ByteBuffer.wrap(value.toByteArray())
    Blob::class.java -> blob(value.toByteArray(), type)
    else -> null
}

private fun blob(value: ByteArray, type: Class<*>): Any? = when (type) {
    ByteBuffer::class.java -> ByteBuffer.wrap(value)
    Blob::class.java -> Blob.from(flowOf(ByteBuffer.wrap(value)).asPublisher())
    UUID::class.java -> if (value.size == 16) ByteBuffer.wrap(value).order(ByteOrder.BIG_ENDIAN).run { UUID(long, long) } else null
    else -> null
}

/** Integers up to this convert to doubles without loss. */
private const val EXACT = 1L shl 53
private const val EXACT_FLOAT = 1L shl 24

/** Whole reals in this range are 64-bit integers. */
private val WHOLE = -9.2233720368547748E18..9.2233720368547748E18
