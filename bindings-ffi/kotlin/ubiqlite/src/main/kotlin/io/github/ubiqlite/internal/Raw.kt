package io.github.ubiqlite.internal

import com.sun.jna.Native

/**
 * The functions of `bindings-ffi/src/raw.rs`, by JNA's direct mapping.
 *
 * Memory is given by its address: JNA looks an address up in nothing, and a buffer
 * in a few microseconds. A length is a `size_t`, which is 64 bits on every system
 * that there is a library for.
 */
internal object Raw {
    /** There is no such client any more. */
    const val GONE: Long = -1

    /** `take` needs room for `NEEDS_ROOM - answer` bytes, and took nothing. */
    const val NEEDS_ROOM: Long = -16

    init {
        Native.register(Raw::class.java, Library.path)
    }

    /** Makes a request; answers the length of its reply, 0 if that comes later, or a negative number. */
    @JvmStatic
    @Suppress("FunctionName")
    external fun ubiqlite_call(client: Long, request: Long, length: Long, reply: Long, room: Long): Long

    /** Takes all replies that are ready; answers how many bytes, or a negative number. */
    @JvmStatic
    @Suppress("FunctionName")
    external fun ubiqlite_take(client: Long, reply: Long, room: Long): Long

    /** Waits for replies: 1, or [GONE] when the client has ended. Without end, if `millis` is negative. */
    @JvmStatic
    @Suppress("FunctionName")
    external fun ubiqlite_wait(client: Long, millis: Long): Long

    /** Ends a client: its calls are given up, what it has open is rolled back. */
    @JvmStatic
    @Suppress("FunctionName")
    external fun ubiqlite_release(client: Long)
}
