package io.github.ubiqlite.internal

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.atomic.AtomicReferenceArray

/**
 * The pending calls, by their number.
 *
 * A number's last bits are its index in a table, so that a call that completes at once
 * costs two writes and no object. Calls whose index is taken are in a map.
 */
internal class Calls {
    private val table = AtomicReferenceArray<Call?>(SIZE)
    private val others = ConcurrentHashMap<Int, Call>()
    private val made = AtomicLong()

    /** Returns the first of [count] numbers that nobody else gets, until four billion were made. */
    fun block(count: Int): Int = made.getAndAdd(count.toLong()).toInt()

    /** Whether numbers have wrapped around, so that one may be in use already. */
    val beganAnew: Boolean get() = made.get() > 0xFFFF_FFFFL

    /** Returns what is told of the call with this number, if somebody wants to know. */
    fun trace(id: Int): CallTrace? = find(id)?.trace

    /** Returns whether a call with this number is pending. */
    fun has(id: Int): Boolean = find(id) != null

    fun add(call: Call) {
        if (!table.compareAndSet(call.id and MASK, null, call)) others[call.id] = call
    }

    /** Removes a call; returns false if it was not there. */
    fun remove(call: Call): Boolean =
        table.compareAndSet(call.id and MASK, call, null) || others.remove(call.id, call)

    /** Removes and returns the call with this number. */
    fun take(id: Int): Call? = find(id)?.takeIf { remove(it) }

    /** Removes all calls that [choose] selects, and passes them to [each]. */
    inline fun takeAll(choose: (Call) -> Boolean, each: (Call) -> Unit) {
        for (place in 0 until SIZE) {
            val call = table.get(place)
            if (call != null && choose(call) && remove(call)) each(call)
        }
        if (others.isEmpty()) return
        for (call in others.values) if (choose(call) && remove(call)) each(call)
    }

    private fun find(id: Int): Call? = table.get(id and MASK)?.takeIf { it.id == id } ?: others[id]

    companion object {
        const val SIZE = 1024
        const val MASK = SIZE - 1
    }
}
