package io.github.ubiqlite.internal

import java.nio.ByteBuffer
import java.util.concurrent.atomic.AtomicReferenceArray

/** Memory outside of the heap, whose address does not change. It is freed when nobody has this. */
internal class Memory(size: Int) {
    private val buffer = ByteBuffer.allocateDirect(size)
    val size: Long get() = buffer.capacity().toLong()
    val address: Long = Raw.address(buffer)

    constructor(bytes: ByteArray) : this(bytes.size) {
        put(bytes, bytes.size)
    }

    /** Puts the first [length] bytes in. */
    fun put(bytes: ByteArray, length: Int) {
        buffer.clear()
        buffer.put(bytes, 0, length)
    }

    /** A copy of [length] bytes from the place [at]. */
    fun copy(at: Int, length: Int): ByteArray {
        val bytes = ByteArray(length)
        buffer.clear()
        buffer.position(at)
        buffer.get(bytes)
        return bytes
    }

    /** The 32 bits at the place [at], little-endian. */
    fun u32(at: Int): Int = Integer.reverseBytes(buffer.getInt(at))
}

/** What a call needs while it is made: memory for the request and for a reply that is there at once. */
internal class Buffers {
    val writer = Writer()
    val reply = Memory(ROOM)
    private var request = Memory(SMALL)

    /** The address of what was written, in memory that stays as it is until the next call. */
    fun request(): Long {
        val length = writer.length
        if (length > request.size) request = Memory(maxOf(length, minOf(2 * length, LARGE)))
        request.put(writer.bytes, length)
        return request.address
    }

    // Numbers for calls, a block at a time: two threads would else write to one place
    // of memory for each call.
    private var numbered = 0L
    private var next = 0
    private var left = 0

    /** A number for a call of this client. */
    fun number(client: Long, calls: Calls): Int {
        if (left == 0 || numbered != client) {
            numbered = client
            next = calls.block(BLOCK)
            left = BLOCK
        }
        left -= 1
        return next++
    }

    /** Whether it takes so much memory that it is better not kept. */
    val isLarge: Boolean get() = request.size > LARGE || writer.bytes.size > LARGE

    companion object {
        /** A page of rows fits, so that the next one of a stream is answered at once. */
        private const val ROOM = 96 * 1024
        private const val SMALL = 4 * 1024
        private const val LARGE = 1024 * 1024

        /** So many numbers are taken at a time. */
        const val BLOCK = 64

        /** More calls than this are hardly ever made in the very same moment. */
        private const val KEPT = 16

        /** Places are far enough apart that two threads do not write to one line of a cache. */
        private const val APART = 32
        private val kept = AtomicReferenceArray<Buffers?>(KEPT * APART)

        /**
         * Takes buffers that nobody else uses until they are [given back][give].
         *
         * They belong to a call and not to a thread: so there are few of them, however
         * many threads there are, virtual ones too, and a coroutine that goes on
         * elsewhere leaves none behind.
         */
        fun take(): Buffers {
            val start = placeOfThread()
            for (step in 0 until KEPT) {
                val place = ((start + step) and (KEPT - 1)) * APART
                if (kept.getPlain(place) != null) kept.getAndSet(place, null)?.let { return it }
            }
            return Buffers()
        }

        /** Threads that were made one after another begin at different places. */
        @Suppress("DEPRECATION") // Its successor is of Java 19.
        private fun placeOfThread(): Int = Thread.currentThread().id.toInt()

        fun give(buffers: Buffers) {
            if (buffers.isLarge) return
            // What is kept must not lead to the program's classes.
            buffers.writer.mapping = Mapping.DEFAULT
            val start = placeOfThread()
            for (step in 0 until KEPT) {
                if (kept.compareAndSet(((start + step) and (KEPT - 1)) * APART, null, buffers)) return
            }
        }
    }
}
