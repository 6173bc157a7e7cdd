package io.github.ubiqlite.internal

import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.util.concurrent.atomic.AtomicReferenceArray
import kotlinx.serialization.json.Json

/** The names of a result's columns. */
internal class Columns(val serial: Int, val names: List<String>) {
    private val places = HashMap<String, Int>(2 * names.size).also { map ->
        names.forEachIndexed { index, name -> map[name] = index }
    }

    /** The first column of each name in any case; only ASCII letters have two cases, as in SQLite. */
    private val otherCase by lazy(LazyThreadSafetyMode.PUBLICATION) {
        HashMap<String, Int>(2 * names.size).also { map ->
            names.forEachIndexed { index, name -> map.putIfAbsent(lower(name), index) }
        }
    }

    /** Returns the index of a column; negative if there is none with this name, in any case. */
    fun indexOf(name: String): Int = places[name] ?: otherCase[lower(name)] ?: -1

    companion object {
        private fun lower(name: String): String =
            if (name.none { it in 'A'..'Z' }) name else String(CharArray(name.length) { name[it].let { c -> if (c in 'A'..'Z') c + 32 else c } })

        private val ONE = unnamed(listOf(""))

        private fun unnamed(names: List<String>) = Columns(0, names)

        /** Returns columns whose names are not needed. */
        fun unnamed(width: Int): Columns = if (width == 1) ONE else unnamed(List(width) { "" })

        /** The columns that were read last. A serial identifies one list of names, for the whole process. */
        private val known = AtomicReferenceArray<Columns?>(256)

        /** Returns the columns of a serial, whose [json] is read if they are not known. */
        fun of(serial: Int, width: Int, json: () -> String): Columns {
            val place = serial and 255
            val found = known.get(place)
            // After four billion lists there would be another one with the same number.
            if (found != null && found.serial == serial && found.names.size == width) return found
            val read = Columns(serial, Json.decodeFromString<List<String>>(json()))
            known.set(place, read)
            return read
        }
    }
}

/**
 * Rows as they are in a reply, which is read in place: cells of 16 bytes, then the bytes of
 * texts and blobs.
 */
internal class Page(
    private val bytes: ByteArray,
    private val view: ByteBuffer,
    @JvmField val columns: Columns,
    @JvmField val mapping: Mapping,
    private val cells: Int,
    @JvmField val rows: Int,
) {
    private val heap = cells + CELL * rows * columns.names.size

    /** Returns the position of a row's first cell. */
    fun row(index: Int): Int = cells + CELL * columns.names.size * index

    fun tag(cell: Int): Int = view.getInt(cell)

    fun integer(cell: Int): Long = view.getLong(cell + 8)

    fun real(cell: Int): Double = view.getDouble(cell + 8)

    private fun start(cell: Int): Int = heap + view.getInt(cell + 8)

    private fun length(cell: Int): Int = view.getInt(cell + 4)

    /** Returns the bytes of a text or blob. */
    fun bytes(cell: Int): ByteArray {
        val start = start(cell)
        return bytes.copyOfRange(start, start + length(cell))
    }

    /** Returns a text; null if it is not UTF-8. */
    fun text(cell: Int, tag: Int): String? {
        val start = start(cell)
        val length = length(cell)
        if (tag == Tag.ASCII) return String(bytes, start, length, Charsets.ISO_8859_1)
        val text = String(bytes, start, length, Charsets.UTF_8)
        // Invalid bytes become this character, which may also be in the text itself.
        return if (text.indexOf(REPLACEMENT) >= 0 && !isUtf8(start, length)) null else text
    }

    private fun isUtf8(start: Int, length: Int): Boolean = try {
        Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, start, length))
        true
    } catch (_: CharacterCodingException) {
        false
    }

    /** Returns a cell as SQLite stores it: null, Long, Double, String or ByteArray; text that is not UTF-8 as its bytes. */
    fun value(cell: Int): Any? = when (val tag = tag(cell)) {
        Tag.NULL -> null
        Tag.INTEGER -> integer(cell)
        Tag.REAL -> real(cell)
        Tag.BLOB -> bytes(cell)
        else -> text(cell, tag) ?: bytes(cell)
    }

    companion object {
        /** The size of a cell in bytes. */
        const val CELL = 16
        private const val REPLACEMENT = '\uFFFD'
    }
}
