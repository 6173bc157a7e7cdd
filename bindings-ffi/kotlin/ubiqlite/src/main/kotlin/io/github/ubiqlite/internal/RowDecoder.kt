package io.github.ubiqlite.internal

import io.github.ubiqlite.Row
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerializationException
import kotlinx.serialization.builtins.ByteArraySerializer
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.SerialKind
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.encoding.AbstractDecoder
import kotlinx.serialization.encoding.CompositeDecoder
import kotlinx.serialization.json.Json
import kotlinx.serialization.modules.EmptySerializersModule
import kotlinx.serialization.modules.SerializersModule

/** Reads a row as what kotlinx.serialization knows: see [Row.into]. */
@OptIn(ExperimentalSerializationApi::class)
internal class RowDecoder private constructor(private val row: Row, private var cell: Int) : AbstractDecoder() {
    private var next = 0

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
    override fun decodeLong(): Long = row.long(cell)
    override fun decodeInt(): Int = row.int(cell)
    override fun decodeShort(): Short = small(Short.MIN_VALUE.toInt(), Short.MAX_VALUE.toInt()).toShort()
    override fun decodeByte(): Byte = small(Byte.MIN_VALUE.toInt(), Byte.MAX_VALUE.toInt()).toByte()
    override fun decodeDouble(): Double = row.double(cell)
    override fun decodeFloat(): Float = row.double(cell).toFloat()
    override fun decodeString(): String = row.string(cell)

    override fun decodeChar(): Char = row.string(cell).singleOrNull()
        ?: throw mismatch("column \"${row.columns[cell]}\": the text is not one character")

    override fun decodeEnum(enumDescriptor: SerialDescriptor): Int {
        val name = row.string(cell)
        val index = enumDescriptor.getElementIndex(name)
        if (index < 0) {
            throw mismatch("column \"${row.columns[cell]}\": \"$name\" is no ${enumDescriptor.serialName}")
        }
        return index
    }

    override fun <T> decodeSerializableValue(deserializer: DeserializationStrategy<T>): T {
        val descriptor = deserializer.descriptor
        if (isValue(descriptor)) return deserializer.deserialize(this)
        if (descriptor == ByteArraySerializer().descriptor) {
            @Suppress("UNCHECKED_CAST")
            return row.bytes(cell) as T
        }
        val text = row.string(cell)
        return try {
            Json.decodeFromString(deserializer, text)
        } catch (error: SerializationException) {
            throw mismatch("column \"${row.columns[cell]}\": not the JSON expected: ${error.message}")
        }
    }

    private fun small(least: Int, most: Int): Int {
        val value = row.int(cell)
        if (value !in least..most) throw mismatch("column \"${row.columns[cell]}\": $value does not fit its type")
        return value
    }

    companion object {
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
        } catch (error: SerializationException) {
            throw mismatch("the row does not fit: ${error.message}")
        }
    }
}
