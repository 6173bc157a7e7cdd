package io.github.ubiqlite.internal

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Writes a request as bytes: `core/src/wire/request.rs` defines their meaning. All numbers are little-endian. */
internal class Writer(
    size: Int = 1024,
    /** How the program's classes are converted to values. */
    var mapping: Mapping = Mapping.DEFAULT,
) {
    var bytes = ByteArray(size)
        private set
    var length = 0
        private set
    private var view = viewOf(bytes)

    /** Forgets what was written. */
    fun clear() {
        length = 0
    }

    /** Writes the header of every request; [end] sets the length. */
    fun begin(id: Int, op: Int, flags: Int, handle: Int, limit: Long) {
        length = 0
        reserve(HEAD + 4)
        view.putInt(4, id)
        bytes[8] = op.toByte()
        view.putInt(10, handle)
        if (limit < 0) {
            bytes[9] = flags.toByte()
            length = HEAD
        } else {
            bytes[9] = (flags or Flag.TIMEOUT).toByte()
            view.putInt(HEAD, limit.toInt())
            length = HEAD + 4
        }
    }

    fun end() {
        view.putInt(0, length - 4)
    }

    /** Returns the text that was written from this position on. */
    fun textAt(at: Int): String = String(bytes, at + 4, view.getInt(at), Charsets.UTF_8)

    /** Sets a number that was reserved at this position. */
    fun setU32(at: Int, value: Int) {
        view.putInt(at, value)
    }

    fun u8(value: Int) {
        reserve(1)
        bytes[length++] = value.toByte()
    }

    fun u32(value: Int) {
        reserve(4)
        view.putInt(length, value)
        length += 4
    }

    fun i64(value: Long) {
        reserve(8)
        view.putLong(length, value)
        length += 8
    }

    fun f64(value: Double) {
        reserve(8)
        view.putDouble(length, value)
        length += 8
    }

    /** Writes bytes as they are. */
    fun raw(from: ByteArray, count: Int) {
        reserve(count)
        System.arraycopy(from, 0, bytes, length, count)
        length += count
    }

    /** Writes bytes after their length. */
    fun blob(from: ByteArray) {
        u32(from.size)
        raw(from, from.size)
    }

    /** Writes a text as UTF-8 after its length. Throws `InvalidArgument` for half a surrogate pair, which UTF-8 can't hold. */
    fun text(text: String) {
        if (!tryText(text)) throw invalid("a string $HALF")
    }

    /** Like [text], but for half a surrogate pair returns false, with nothing usable written. */
    fun tryText(text: String): Boolean {
        val count = text.length
        reserve(4 + 3 * minOf(count, SHORT))
        val start = length + 4
        if (count > SHORT) return long(text)
        var at = start
        val bytes = bytes
        for (index in 0 until count) {
            val code = text[index].code
            if (code > 127) return encode(text, index, at)
            bytes[at++] = code.toByte()
        }
        return wrote(start, at)
    }

    /** Continues with a text that is not all ASCII. There is room for three bytes per unit. */
    private fun encode(text: String, from: Int, to: Int): Boolean {
        var index = from
        var at = to
        while (index < text.length) {
            val unit = text[index++]
            val code = unit.code
            if (code < 0x80) {
                bytes[at++] = code.toByte()
            } else if (code < 0x800) {
                bytes[at++] = (0xC0 or (code shr 6)).toByte()
                bytes[at++] = (0x80 or (code and 0x3F)).toByte()
            } else if (!unit.isSurrogate()) {
                bytes[at++] = (0xE0 or (code shr 12)).toByte()
                bytes[at++] = (0x80 or ((code shr 6) and 0x3F)).toByte()
                bytes[at++] = (0x80 or (code and 0x3F)).toByte()
            } else {
                if (!unit.isHighSurrogate() || index == text.length || !text[index].isLowSurrogate()) return false
                val point = Character.toCodePoint(unit, text[index++])
                bytes[at++] = (0xF0 or (point shr 18)).toByte()
                bytes[at++] = (0x80 or ((point shr 12) and 0x3F)).toByte()
                bytes[at++] = (0x80 or ((point shr 6) and 0x3F)).toByte()
                bytes[at++] = (0x80 or (point and 0x3F)).toByte()
            }
        }
        return wrote(length + 4, at)
    }

    private fun wrote(start: Int, end: Int): Boolean {
        view.putInt(start - 4, end - start)
        length = end
        return true
    }

    /** Uses the platform's encoder, which is faster for long texts, and writes a question mark for half a pair. */
    private fun long(text: String): Boolean {
        val encoded = text.toByteArray(Charsets.UTF_8)
        if (encoded.size != text.length && !isWellFormed(text) || encoded.size == text.length && hasSurrogate(text)) {
            return false
        }
        blob(encoded)
        return true
    }

    private fun reserve(count: Int) {
        if (bytes.size - length >= count) return
        val wanted = length.toLong() + count
        if (wanted > MOST) throw invalid("the request is larger than 2 GiB; send it in parts")
        bytes = bytes.copyOf(minOf(MOST, maxOf(wanted, 2L * bytes.size)).toInt())
        view = viewOf(bytes)
    }

    private companion object {
        const val HEAD = 14
        const val SHORT = 256
        const val MOST = Int.MAX_VALUE - 64L

        fun viewOf(bytes: ByteArray): ByteBuffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
    }
}

/** The error message for a text with a lone surrogate. */
internal const val HALF: String = "contains half of a surrogate pair, which is not valid text; store it as bytes"

private fun hasSurrogate(text: String): Boolean = text.any { it.isSurrogate() }

/** Returns whether every surrogate of the text has its partner. */
private fun isWellFormed(text: String): Boolean {
    var index = 0
    while (index < text.length) {
        val unit = text[index++]
        if (!unit.isSurrogate()) continue
        if (!unit.isHighSurrogate() || index == text.length || !text[index++].isLowSurrogate()) return false
    }
    return true
}
