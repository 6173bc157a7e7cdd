package io.github.ubiqlite.java

import io.github.ubiqlite.Row
import io.github.ubiqlite.internal.invalid
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerializationException
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.buildClassSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.decodeStructure
import kotlinx.serialization.serializer

/** The place of a column that has to be there. */
internal fun Row.place(column: String): Int {
    val index = indexOf(column)
    // Its error names the columns that there are.
    if (index < 0) isNull(column)
    return index
}

/** A value as the library reads one of this class; null for `NULL`. */
internal fun <T : Any> Row.read(index: Int, type: Class<T>): T? {
    if (isNull(index)) return null
    val value = when (type) {
        Any::class.java -> get(index)
        Long::class.javaObjectType -> long(index)
        String::class.java -> string(index)
        else -> into(Cell(columns[index], serializerOf(type)))
    }
    @Suppress("UNCHECKED_CAST")
    return value as T
}

private fun Row.serializerOf(type: Class<*>): KSerializer<Any> = try {
    serializers.serializer(type)
} catch (error: SerializationException) {
    throw invalid("no value is read as a ${type.name}: read it as what SQLite has, and make one of that", error)
}

/** Reads one column of a row, as a property of a class would be read. */
private class Cell<T>(column: String, private val value: KSerializer<T>) : DeserializationStrategy<T> {
    override val descriptor: SerialDescriptor =
        buildClassSerialDescriptor("io.github.ubiqlite.java.Cell") { element(column, value.descriptor) }

    override fun deserialize(decoder: Decoder): T = decoder.decodeStructure(descriptor) {
        decodeElementIndex(descriptor)
        decodeSerializableElement(descriptor, 0, value)
    }
}
