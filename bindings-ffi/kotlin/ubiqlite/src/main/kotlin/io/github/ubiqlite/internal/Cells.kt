package io.github.ubiqlite.internal

/** The values of a reply that is neither a statement's rows nor a few numbers, one after another. */
internal class Cells(private val rows: Rows) {
    private var at = 0

    /** Whether there is another value. */
    val hasNext: Boolean get() = at < rows.size

    fun next(): Any? = if (hasNext) rows[at++][0] else throw defect("a reply is cut off")

    fun long(): Long = next() as? Long ?: throw defect("a reply has no number where it must have one")

    fun int(): Int = long().toInt()

    fun text(): String = next() as? String ?: throw defect("a reply has no text where it must have one")

    fun blob(): ByteArray = next() as? ByteArray ?: throw defect("a reply has no bytes where it must have some")

    /** Reads one of some things, by its number. */
    fun <T> of(all: List<T>): T = all.getOrNull(int()) ?: throw defect("a reply has a number that stands for nothing")
}
