package io.github.ubiqlite.internal

import java.nio.ByteBuffer

/**
 * The functions of `bindings-ffi/jni`, which call `bindings-ffi/src/raw.rs` and
 * `numbered.rs`.
 *
 * Memory is passed by its address, which is valid until the call returns, and text in it is
 * UTF-8. A number that is not in use, or no longer, yields [GONE]. [Library] is loaded before
 * any of them is called.
 */
internal object Raw {
    /** The client no longer exists. */
    const val GONE: Long = -1

    /** `take` and `settle` need room for `NEEDS_ROOM - result` bytes, and wrote nothing. */
    const val NEEDS_ROOM: Long = -16

    /** Finds the engine by the name in the first [length] bytes of the buffer; returns the length of a failure's message. */
    @JvmStatic
    external fun load(buffer: ByteBuffer, length: Int): Int

    /** Returns the address of a direct buffer's memory. */
    @JvmStatic
    external fun address(buffer: ByteBuffer): Long

    /** Makes a request; returns the length of its reply, 0 if that comes later, or a negative number. */
    @JvmStatic
    external fun call(client: Long, request: Long, length: Long, reply: Long, room: Long): Long

    /** Takes all replies that are ready; returns how many bytes, or a negative number. */
    @JvmStatic
    external fun take(client: Long, reply: Long, room: Long): Long

    /** Waits for replies, without a limit if [millis] is negative. Returns 1, or [GONE] when the client has ended. */
    @JvmStatic
    external fun await(client: Long, millis: Long): Long

    /** Ends a client: its calls are cancelled, and anything it has open is rolled back. */
    @JvmStatic
    external fun release(client: Long)

    /** Begins to open a database; returns a number for [settle] and [forget], or 0. */
    @JvmStatic
    external fun open(path: Long, pathLength: Long, options: Long, optionsLength: Long): Long

    /** Begins to close a client's database; returns the same as [open]. */
    @JvmStatic
    external fun close(client: Long): Long

    /** Waits until it is over. Returns 0, the length of an error's fields in JSON, or a negative number. */
    @JvmStatic
    external fun settle(number: Long, reply: Long, room: Long): Long

    /** Returns a client of the opened database, once; 0 if there is none. */
    @JvmStatic
    external fun opened(number: Long): Long

    /** Releases the number: an opening is cancelled, a closing continues. */
    @JvmStatic
    external fun forget(number: Long)
}
