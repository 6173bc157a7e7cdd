package io.github.ubiqlite.internal

import java.nio.ByteBuffer
import java.util.concurrent.atomic.AtomicReferenceArray

/** Memory outside the heap, whose address does not change. It is freed when this object is garbage-collected. */
internal class Memory(size: Int) {
    private val buffer = ByteBuffer.allocateDirect(size)
    val size: Long get() = buffer.capacity().toLong()
    val address: Long = Raw.address(buffer)

    constructor(bytes: ByteArray) : this(bytes.size) {
        put(bytes, bytes.size)
    }

    /** Copies the first [length] bytes into the memory. */
    fun put(bytes: ByteArray, length: Int) {
        buffer.clear()
        buffer.put(bytes, 0, length)
    }

    /** Returns a copy of [length] bytes from position [at]. */
    fun copy(at: Int, length: Int): ByteArray {
        val bytes = ByteArray(length)
        buffer.clear()
        buffer.position(at)
        buffer.get(bytes)
        return bytes
    }

    /** Returns the byte at position [at]. */
    fun u8(at: Int): Int = buffer.get(at).toInt()

    /** Returns the 64 bits at position [at], little-endian. */
    fun i64(at: Int): Long = java.lang.Long.reverseBytes(buffer.getLong(at))

    /** Returns the 32 bits at position [at], little-endian. */
    fun u32(at: Int): Int = Integer.reverseBytes(buffer.getInt(at))
}

/** The memory a call needs while it is made: for the request, and for a reply that comes at once. */
internal class Buffers {
    val writer = Writer()
    val reply = Memory(ROOM)
    private var request = Memory(SMALL)

    /** Returns the address of the written request, in memory that does not change until the next call. */
    fun request(): Long {
        val length = writer.length
        if (length > request.size) request = Memory(maxOf(length, minOf(2 * length, LARGE)))
        request.put(writer.bytes, length)
        return request.address
    }

    // Numbers for calls, a block at a time: otherwise two threads would write to the same
    // memory location for each call.
    private var numbered = 0L
    private var next = 0
    private var left = 0

    /** Returns a number for a call of this client. */
    fun number(client: Long, calls: Calls): Int {
        if (left == 0 || numbered != client) {
            numbered = client
            next = calls.block(BLOCK)
            left = BLOCK
        }
        left -= 1
        return next++
    }

    /** Whether it takes too much memory to be worth keeping. */
    val isLarge: Boolean get() = request.size > LARGE || writer.bytes.size > LARGE

    companion object {
        /** A page of rows fits, so that a stream's next page comes at once. */
        private const val ROOM = 96 * 1024
        private const val SMALL = 4 * 1024
        private const val LARGE = 1024 * 1024

        /** How many numbers are taken at a time. */
        const val BLOCK = 64

        /** More calls than this are hardly ever made at the same moment. */
        private const val KEPT = 16

        /** Slots are far enough apart that two threads do not write to the same cache line. */
        private const val APART = 32
        private val kept = AtomicReferenceArray<Buffers?>(KEPT * APART)

        /**
         * Takes buffers that nobody else uses until they are [given back][give].
         *
         * They belong to a call, not to a thread: so there are few of them, however many
         * threads there are, including virtual ones, and a coroutine that continues on
         * another thread leaves none behind.
         */
        fun take(): Buffers {
            val start = placeOfThread()
            for (step in 0 until KEPT) {
                val place = ((start + step) and (KEPT - 1)) * APART
                if (kept.getPlain(place) != null) kept.getAndSet(place, null)?.let { return it }
            }
            return Buffers()
        }

        /** Returns where the search begins: consecutive threads begin at different slots. */
        @Suppress("DEPRECATION") // Its successor is of Java 19.
        private fun placeOfThread(): Int = Thread.currentThread().id.toInt()

        fun give(buffers: Buffers) {
            if (buffers.isLarge) return
            // Buffers that are kept must not refer to the program's classes.
            buffers.writer.mapping = Mapping.DEFAULT
            val start = placeOfThread()
            for (step in 0 until KEPT) {
                if (kept.compareAndSet(((start + step) and (KEPT - 1)) * APART, null, buffers)) return
            }
        }
    }
}
