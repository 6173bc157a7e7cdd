package io.github.ubiqlite.internal

import io.github.ubiqlite.Row
import io.github.ubiqlite.UbiqliteException
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.MissingFieldException
import kotlinx.serialization.builtins.ByteArraySerializer
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.SerialKind
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.encoding.AbstractDecoder
import kotlinx.serialization.encoding.CompositeDecoder
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.json.Json
import kotlinx.serialization.modules.EmptySerializersModule
import kotlinx.serialization.modules.SerializersModule

/** Reads a row as what kotlinx.serialization knows: see [Row.into]. */
@OptIn(ExperimentalSerializationApi::class)
internal class RowDecoder private constructor(private val row: Row, private var cell: Int) : AbstractDecoder() {
    private var next = 0

    /** The number that is read next is unsigned. */
    private var unsigned = false

    override val serializersModule: SerializersModule = EmptySerializersModule()

    override fun decodeElementIndex(descriptor: SerialDescriptor): Int {
        while (next < descriptor.elementsCount) {
            val element = next++
            cell = row.indexOf(descriptor.getElementName(element))
            if (cell >= 0) return element
        }
        return CompositeDecoder.DECODE_DONE
    }

    override fun decodeNotNullMark(): Boolean = !row.isNull(cell)
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
        if (single.toDouble() != wide && !wide.isNaN()) throw unfit("$wide can't be a Float without being rounded")
        return single
    }

    override fun decodeInline(descriptor: SerialDescriptor): Decoder {
        // An unsigned number is one inside, as far as kotlinx.serialization knows.
        if (descriptor.serialName in UNSIGNED) unsigned = true
        return this
    }

    override fun decodeString(): String = row.string(cell)

    override fun decodeChar(): Char = row.string(cell).singleOrNull()
        ?: throw unfit("the text is not one character")

    override fun decodeEnum(enumDescriptor: SerialDescriptor): Int {
        val name = row.string(cell)
        val index = enumDescriptor.getElementIndex(name)
        if (index < 0) {
            throw unfit("\"$name\" is no ${enumDescriptor.serialName}")
        }
        return index
    }

    override fun <T> decodeSerializableValue(deserializer: DeserializationStrategy<T>): T {
        val descriptor = deserializer.descriptor
        if (isValue(descriptor)) return ofCell { deserializer.deserialize(this) }
        if (descriptor == ByteArraySerializer().descriptor) {
            @Suppress("UNCHECKED_CAST")
            return row.bytes(cell) as T
        }
        val text = row.string(cell)
        return ofCell { Json.decodeFromString(deserializer, text) }
    }

    /** Has what a serializer throws say which column it read. */
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
        private val UNSIGNED = setOf("kotlin.UByte", "kotlin.UShort", "kotlin.UInt", "kotlin.ULong")

        /** Whether it is one value, and not made of others. */
        private fun isValue(descriptor: SerialDescriptor): Boolean =
            descriptor.kind is PrimitiveKind || descriptor.kind == SerialKind.ENUM || descriptor.isInline

        /** The whole row, or its only value for what is one. */
        fun <T> decode(row: Row, deserializer: DeserializationStrategy<T>): T = guarded {
            val descriptor = deserializer.descriptor
            if (descriptor.kind == StructureKind.CLASS || descriptor.kind == StructureKind.OBJECT) {
                if (!descriptor.isInline) return@guarded deserializer.deserialize(RowDecoder(row, -1))
            }
            if (row.size != 1) {
                throw invalid("a row of ${row.size} columns can't be a ${descriptor.serialName}: give a class, or use toMap()")
            }
            decodeCell(row, 0, deserializer)
        }

        /** One value. */
        fun <T> value(row: Row, cell: Int, deserializer: DeserializationStrategy<T>): T =
            guarded { decodeCell(row, cell, deserializer) }

        private fun <T> decodeCell(row: Row, cell: Int, deserializer: DeserializationStrategy<T>): T {
            val decoder = RowDecoder(row, cell)
            if (deserializer.descriptor.isNullable) return deserializer.deserialize(decoder)
            return decoder.decodeSerializableValue(deserializer)
        }

        private inline fun <T> guarded(read: () -> T): T = try {
            read()
        } catch (error: UbiqliteException) {
            throw error
        } catch (error: MissingFieldException) {
            throw mismatch("the row does not fit: ${error.message}", error.missingFields, error)
        } catch (error: Exception) {
            // Of a serializer, or of the class that is made.
            throw mismatch("the row does not fit: ${error.message ?: error}", cause = error)
        }
    }
}
