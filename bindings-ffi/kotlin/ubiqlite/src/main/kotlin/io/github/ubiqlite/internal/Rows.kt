package io.github.ubiqlite.internal

import io.github.ubiqlite.Row

/** The rows of a reply, each of which is made on demand. */
internal class Rows private constructor(private val pages: List<Page>) : AbstractList<Row>(), RandomAccess {
    /** The index of the first row of each page, and the one after the last row. */
    private val starts = IntArray(pages.size + 1).also { starts ->
        pages.forEachIndexed { index, page -> starts[index + 1] = starts[index] + page.rows }
    }

    override val size: Int get() = starts[pages.size]

    override fun get(index: Int): Row {
        if (index < 0 || index >= size) throw IndexOutOfBoundsException("row $index of $size")
        val page = if (pages.size == 1) 0 else pageOf(index)
        return pages[page].let { Row(it, it.row(index - starts[page])) }
    }

    private fun pageOf(index: Int): Int {
        val found = starts.binarySearch(index)
        if (found < 0) return -found - 2
        // A page without rows begins where the next one does.
        var page = found
        while (starts[page + 1] == index) page += 1
        return page
    }

    /** Returns the first row, or null. */
    fun firstRow(): Row? = if (size == 0) null else get(0)

    companion object {
        val NONE: Rows = Rows(emptyList())

        fun of(pages: List<Page>): Rows = Rows(pages)
    }
}
