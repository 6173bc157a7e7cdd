package io.github.ubiqlite.internal

import kotlin.time.Duration
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerializationStrategy
import kotlinx.serialization.builtins.ByteArraySerializer
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.encoding.AbstractEncoder
import kotlinx.serialization.encoding.CompositeEncoder
import kotlinx.serialization.encoding.Encoder
import kotlinx.serialization.modules.SerializersModule

/** Lets a serializer write the single value of a cell: a composite value becomes JSON text. */
@OptIn(ExperimentalSerializationApi::class)
internal open class CellEncoder(protected val out: Writer, private val what: String, private var which: Any?) : AbstractEncoder() {
    /** Whether the next number is unsigned. */
    private var unsigned = false

    /** Whether a value was written: a second one would be read as something else. */
    private var written = false

    override val serializersModule: SerializersModule get() = out.mapping.module

    /** Begins a cell with another name. */
    protected fun begin(which: String) {
        if (this.which != null) end()
        this.which = which
        written = false
    }

    /** Checks that the cell has a value, as every cell must. */
    fun end() {
        if (!written) throw refused(what, which, "is nothing: its serializer writes no value")
    }

    fun write(value: Any?) {
        if (written) throw refused(what, which, "is several values: its serializer must say so in its descriptor, so that JSON is written")
        written = true
        out.value(value, what, which)
    }

    override fun encodeNull() = write(null)
    override fun encodeBoolean(value: Boolean) = write(value)
    override fun encodeByte(value: Byte) = write(if (isUnsigned()) value.toUByte() else value)
    override fun encodeShort(value: Short) = write(if (isUnsigned()) value.toUShort() else value)
    override fun encodeInt(value: Int) = write(if (isUnsigned()) value.toUInt() else value)
    override fun encodeLong(value: Long) = write(if (isUnsigned()) value.toULong() else value)
    override fun encodeFloat(value: Float) = write(value)
    override fun encodeDouble(value: Double) = write(value)
    override fun encodeChar(value: Char) = write(value)
    override fun encodeString(value: String) = write(value)
    override fun encodeEnum(enumDescriptor: SerialDescriptor, index: Int) = write(enumDescriptor.getElementName(index))

    private fun isUnsigned(): Boolean = unsigned.also { unsigned = false }

    override fun encodeInline(descriptor: SerialDescriptor): Encoder {
        // For kotlinx.serialization, an unsigned number is an inline class around a number.
        if (Mapping.isUnsigned(descriptor)) unsigned = true
        return this
    }

    override fun beginStructure(descriptor: SerialDescriptor): CompositeEncoder =
        throw refused(what, which, "is a ${descriptor.serialName}, whose serializer says that it is one value but writes several")

    override fun <T> encodeSerializableValue(serializer: SerializationStrategy<T>, value: T) {
        val descriptor = serializer.descriptor
        when {
            // The serializer also reads null itself, and may have a word for it.
            Mapping.isForNull(serializer) || descriptor.isNullable && Mapping.isCell(descriptor) -> serializer.serialize(this, value)
            value == null -> encodeNull()
            // In this library's own form, with a fixed width.
            isTime(serializer, value) -> write(value)
            Mapping.isCell(descriptor) -> serializer.serialize(this, value)
            value is ByteArray && descriptor == ByteArraySerializer().descriptor -> write(value)
            else -> write(escapedHalves(out.mapping.write(value, serializer)))
        }
    }

    /**
     * Returns whether the serializer is the type's own, with its full or simple name, and writes
     * ISO 8601. Others also have that name, such as one for a class with a field for each part.
     */
    private fun isTime(serializer: SerializationStrategy<*>, value: Any): Boolean {
        if (value is Duration) return serializer === Duration.serializer()
        val descriptor = serializer.descriptor
        val name = value.javaClass.name
        if (descriptor.kind != PrimitiveKind.STRING || name !in KotlinTime.names) return false
        val own = descriptor.serialName.substringBefore('/')
        return own == name || own == name.substringAfterLast('.')
    }

    companion object {
        /** Writes a value with its serializer. */
        fun <T> write(out: Writer, serializer: SerializationStrategy<T>, value: T, what: String, which: Any?) =
            CellEncoder(out, what, which).run {
                guarded(what, { which }) { encodeSerializableValue(serializer, value) }
                end()
            }

        /** Writes columns with their values, after their number, for the properties of a class. */
        fun <T> record(out: Writer, serializer: SerializationStrategy<T>, value: T) {
            val descriptor = serializer.descriptor
            if (descriptor.isInline || descriptor.kind != StructureKind.CLASS && descriptor.kind != StructureKind.OBJECT) {
                throw invalid("a row can't be written from a ${descriptor.serialName}; give a class with properties, or a map")
            }
            RowEncoder(out).write(serializer, value)
        }
    }
}

/** Lets a serializer write a row: the name and the value of each property. */
@OptIn(ExperimentalSerializationApi::class)
private class RowEncoder(out: Writer) : CellEncoder(out, FIELD, null) {
    private var begun = false
    private var column: String? = null
    private val columns = HashSet<String>()

    fun <T> write(serializer: SerializationStrategy<T>, value: T) {
        val start = out.length
        out.u32(0)
        guarded(FIELD, { column }) { serializer.serialize(this, value) }
        if (columns.isNotEmpty()) end()
        out.setU32(start, columns.size)
    }

    override fun beginStructure(descriptor: SerialDescriptor): CompositeEncoder {
        if (begun) return super.beginStructure(descriptor)
        begun = true
        return this
    }

    override fun encodeElement(descriptor: SerialDescriptor, index: Int): Boolean {
        val column = out.mapping.column(descriptor.getElementName(index))
        // The engine would keep one of the two values.
        if (!columns.add(column)) throw invalid("two properties of a ${descriptor.serialName} have the column \"$column\"")
        begin(column)
        this.column = column
        out.text(column)
        return true
    }
}

private const val FIELD = "field"
