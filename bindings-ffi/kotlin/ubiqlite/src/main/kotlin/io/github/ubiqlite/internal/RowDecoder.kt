package io.github.ubiqlite.internal

import io.github.ubiqlite.Row
import io.github.ubiqlite.UbiqliteException
import kotlin.reflect.KClass
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.MissingFieldException
import kotlinx.serialization.builtins.ByteArraySerializer
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.encoding.AbstractDecoder
import kotlinx.serialization.encoding.CompositeDecoder
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.modules.SerializersModule

/** Reads a row as a type that kotlinx.serialization knows: see [Row.into]. */
@OptIn(ExperimentalSerializationApi::class)
internal class RowDecoder private constructor(
    private val row: Row,
    private var cell: Int,
    /** The type that is read, if it is a single value. */
    private val type: KClass<*>? = null,
) : AbstractDecoder() {
    private var next = 0

    /** Whether the next number is unsigned. */
    private var unsigned = false

    private val mapping = row.mapping

    override val serializersModule: SerializersModule get() = mapping.module

    override fun decodeElementIndex(descriptor: SerialDescriptor): Int {
        while (next < descriptor.elementsCount) {
            val element = next++
            val name = descriptor.getElementName(element)
            cell = row.indexOf(name)
            if (cell < 0) mapping.snake(name)?.let { cell = row.indexOf(it) }
            if (cell >= 0) return element
        }
        return CompositeDecoder.DECODE_DONE
    }

    // A row is never null, whatever is in it.
    override fun decodeNotNullMark(): Boolean = cell < 0 || !row.isNull(cell)
    override fun decodeNull(): Nothing? = null
    override fun decodeBoolean(): Boolean = row.boolean(cell)
    override fun decodeLong(): Long = whole(Long.MIN_VALUE..Long.MAX_VALUE, Long.MAX_VALUE)
    override fun decodeInt(): Int = whole(Int.MIN_VALUE.toLong()..Int.MAX_VALUE, 0xffff_ffff).toInt()
    override fun decodeShort(): Short = whole(Short.MIN_VALUE.toLong()..Short.MAX_VALUE, 0xffff).toShort()
    override fun decodeByte(): Byte = whole(Byte.MIN_VALUE.toLong()..Byte.MAX_VALUE, 0xff).toByte()
    override fun decodeDouble(): Double = row.double(cell)

    override fun decodeFloat(): Float {
        val wide = row.double(cell)
        val single = wide.toFloat()
        if (single.toDouble() != wide && !wide.isNaN()) throw unfit("$wide can't be read as a Float without rounding")
        return single
    }

    override fun decodeInline(descriptor: SerialDescriptor): Decoder {
        // For kotlinx.serialization, an unsigned number is an inline class around a number.
        if (Mapping.isUnsigned(descriptor)) unsigned = true
        return this
    }

    override fun decodeString(): String = row.string(cell)

    /** Returns a number with all its digits, from a text or an integer. */
    fun digits(): String = when (val value = row[cell]) {
        is Long -> value.toString()
        else -> row.string(cell)
    }

    override fun decodeChar(): Char = row.string(cell).singleOrNull()
        ?: throw unfit("the text is not one character")

    override fun decodeEnum(enumDescriptor: SerialDescriptor): Int {
        val name = row.string(cell)
        val index = enumDescriptor.getElementIndex(name)
        if (index >= 0) return index
        // The serializer of an enum that is not @Serializable does not know @SerialName, unless it is that of a property.
        val known = type?.java?.takeIf { it.isEnum }?.let { namesOf(it).indexOf(name) } ?: -1
        if (known < 0) throw unfit("\"$name\" is not a ${enumDescriptor.serialName}")
        return known
    }

    override fun <T> decodeSerializableValue(deserializer: DeserializationStrategy<T>): T {
        // For the whole row: the type inside a nullable one.
        if (cell < 0) return deserializer.deserialize(this)
        val descriptor = deserializer.descriptor
        if (Mapping.isForNull(deserializer) || Mapping.isCell(descriptor)) return ofCell { deserializer.deserialize(this) }
        if (descriptor == ByteArraySerializer().descriptor) {
            @Suppress("UNCHECKED_CAST")
            return row.bytes(cell) as T
        }
        // A null is written as `NULL`.
        val text = if (descriptor.isNullable && row.isNull(cell)) "null" else row.string(cell)
        return ofCell { mapping.read(text, deserializer) }
    }

    /** Adds the column to the error of a serializer. */
    private inline fun <T> ofCell(read: () -> T): T {
        val at = cell
        return try {
            read()
        } catch (error: UbiqliteException) {
            throw error
        } catch (error: Exception) {
            cell = at
            throw unfit(error.message ?: error.toString(), error)
        }
    }

    private fun whole(signed: LongRange, most: Long): Long {
        val range = if (unsigned) 0L..most else signed
        unsigned = false
        val value = row.long(cell)
        if (value !in range) throw unfit("$value does not fit its type")
        return value
    }

    private fun unfit(message: String, cause: Throwable? = null): UbiqliteException {
        val name = row.columns[cell]
        return mismatch("column \"$name\": $message", listOf(name), cause)
    }

    companion object {
        /** Returns the whole row as this type, or its only value if the type is a single value. */
        fun <T> decode(row: Row, deserializer: DeserializationStrategy<T>, type: KClass<*>? = null): T = guarded {
            val descriptor = deserializer.descriptor
            if (descriptor.kind == StructureKind.CLASS || descriptor.kind == StructureKind.OBJECT) {
                if (!descriptor.isInline) return@guarded deserializer.deserialize(RowDecoder(row, -1))
            }
            if (row.size != 1) {
                throw invalid("a row of ${row.size} columns can't be read as a ${descriptor.serialName}; give a class, or use toMap()")
            }
            RowDecoder(row, 0, type).decodeSerializableValue(deserializer)
        }

        /** Returns the value at [index] of the row as this type. */
        fun <T> value(row: Row, index: Int, deserializer: DeserializationStrategy<T>, type: KClass<*>): T =
            guarded { RowDecoder(row, index, type).decodeSerializableValue(deserializer) }

        private inline fun <T> guarded(read: () -> T): T = try {
            read()
        } catch (error: UbiqliteException) {
            throw error
        } catch (error: MissingFieldException) {
            throw mismatch("the row does not fit: ${error.message}", error.missingFields, error)
        } catch (error: Exception) {
            // From a serializer, or from the class being made.
            throw mismatch("the row does not fit: ${error.message ?: error}", cause = error)
        }
    }
}
