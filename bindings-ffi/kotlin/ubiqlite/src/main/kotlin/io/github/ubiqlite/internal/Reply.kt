package io.github.ubiqlite.internal

import io.github.ubiqlite.Capabilities
import io.github.ubiqlite.Executed
import io.github.ubiqlite.Key
import io.github.ubiqlite.UbiqliteException
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * A reply, whose payload is read on demand: `core/src/wire/reply.rs` has its layout. If it
 * is an error, each method throws that.
 */
internal class Reply private constructor(
    private val bytes: ByteArray,
    private val mapping: Mapping,
    private val error: UbiqliteException?,
) {
    private val view = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)

    constructor(bytes: ByteArray, mapping: Mapping) : this(bytes, mapping, null)

    private val extra: Int get() = view.getInt(12)

    /** Whether the stream is over, and its handle gone. */
    val ends: Boolean get() = error == null && bytes[9].toInt() and ReplyFlag.END != 0

    /** Throws the error, if the reply is one. */
    private fun expect(kind: Int) {
        val found = if (error != null) throw error else bytes[8].toInt()
        if (found == kind) return
        if (found != Kind.ERROR) throw defect("a reply is of kind $found instead of $kind")
        throw Fields.read(String(bytes, HEADER, extra, Charsets.UTF_8)).exception()
    }

    /** The error that it is. */
    val failure: UbiqliteException?
        get() = error ?: if (bytes[8].toInt() == Kind.ERROR) Fields.read(String(bytes, HEADER, extra, Charsets.UTF_8)).exception() else null

    fun done() = expect(Kind.DONE)

    /** Returns the number of the object that the request made. */
    fun handle(): Int {
        expect(Kind.HANDLE)
        return extra
    }

    fun executed(): Executed {
        expect(Kind.EXECUTED)
        return executedAt(0)
    }

    fun executedList(): List<Executed> {
        expect(Kind.EXECUTED_LIST)
        return List(extra, ::executedAt)
    }

    private fun executedAt(index: Int): Executed {
        val at = HEADER + 16 * index
        return Executed(view.getLong(at), view.getLong(at + 8))
    }

    fun count(): Long {
        expect(Kind.COUNT)
        return view.getLong(HEADER)
    }

    fun bool(): Boolean {
        expect(Kind.BOOL)
        return extra != 0
    }

    fun credit() = expect(Kind.CREDIT)

    fun capabilities(): Capabilities {
        expect(Kind.BITS)
        val bits = extra
        fun has(bit: Int) = bits shr bit and 1 != 0
        return Capabilities(
            has(0), has(1), has(2), has(3), watches = has(4), rowChanges = has(5), changesets = has(6), backups = has(7),
            replicas = has(8),
        )
    }

    /** Returns a primary key: one value, or a [Key] of several. */
    fun key(): Any? {
        expect(Kind.KEY)
        val row = pages(named = false).firstRow() ?: throw defect("a key without a value")
        return if (row.size == 1) row[0] else Key(List(row.size) { row[it] })
    }

    fun rows(): Rows {
        expect(Kind.ROWS)
        return pages()
    }

    /** Returns the next result of a watch; null: it is over, because the database is closed. */
    fun update(): Delta? {
        expect(Kind.UPDATE)
        if (ends) return null
        val runs = view.getInt(HEADER + 16)
        var at = HEADER + 32
        fun words(count: Int) = IntArray(count) { view.getInt(at + 4 * it) }.also { at += 4 * count }
        fun positions(list: Int) = words(view.getInt(HEADER + 20 + 4 * list))
        return Delta(
            moment = view.getLong(HEADER),
            number = view.getInt(HEADER + 8),
            whole = bytes[9].toInt() and ReplyFlag.WHOLE != 0,
            size = view.getInt(HEADER + 12),
            runs = words(2 * runs),
            added = positions(0),
            removed = positions(1),
            updated = positions(2),
            fresh = pages(from = aligned(at)),
        )
    }

    /** Returns the next results of a watch of several queries; null: it is over, because the database is closed. */
    fun updates(): List<Delta>? {
        expect(Kind.UPDATES)
        if (ends) return null
        var at = HEADER
        return List(extra) {
            val end = at + view.getInt(at)
            val update = Reply(bytes.copyOfRange(at, end), mapping).update() ?: throw defect("one of several watched queries has ended")
            at = end
            update
        }
    }

    private fun pages(named: Boolean = true, from: Int = HEADER): Rows {
        val count = extra
        if (count == 0) return Rows.NONE
        val width = view.getInt(from + 4)
        val length = view.getInt(from + 8)
        var at = from + 16
        val start = at
        val columns = if (named) {
            Columns.of(view.getInt(from), width) { String(bytes, start, length, Charsets.UTF_8) }
        } else {
            Columns.unnamed(width)
        }
        at = aligned(at + length)
        val pages = ArrayList<Page>(count)
        repeat(count) {
            val page = Page(bytes, view, columns, mapping, at + 16, view.getInt(at))
            pages.add(page)
            at = aligned(page.row(page.rows) + view.getInt(at + 4))
        }
        return Rows.of(pages)
    }

    companion object {
        private const val HEADER = 16
        private val EMPTY = ByteArray(HEADER)

        /** Stands for a reply that never came, with the reason. */
        fun failed(error: UbiqliteException): Reply = Reply(EMPTY, Mapping.DEFAULT, error)

        private fun aligned(at: Int): Int = (at + 7) and 7.inv()
    }
}
