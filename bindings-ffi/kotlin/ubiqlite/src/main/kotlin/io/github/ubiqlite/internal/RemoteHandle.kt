package io.github.ubiqlite.internal

import java.lang.ref.Cleaner
import java.util.concurrent.atomic.AtomicBoolean

/**
 * One thread for the process, which releases forgotten objects. Java makes it: one of ours would
 * have, and keep, the class loader and the rights of the library's first user.
 */
internal val cleaner: Cleaner = Cleaner.create()

/**
 * Keeps a database open: when nothing refers to it any more, the database was forgotten and is
 * closed. So nothing that lives as long as the [EngineClient] may refer to it.
 */
internal class Owner(client: EngineClient) {
    init {
        cleaner.register(this, Forgotten(client))
    }

    private class Forgotten(private val client: EngineClient) : Runnable {
        override fun run() = client.abandon()
    }
}

/**
 * An object that the engine keeps for this client: a transaction, a savepoint, a session, a
 * snapshot, a stream or a watch. If it is forgotten, it is released.
 */
internal class RemoteHandle(
    /** The number of the request that made it. */
    @JvmField val id: Int,
    client: EngineClient,
    /** The object it is a part of. */
    private val inside: RemoteHandle?,
    /** Of a stream: what is told of it, until it ends. */
    @JvmField val trace: CallTrace? = null,
) {
    private val lease = Lease(id, client, trace)
    private val cleanable = cleaner.register(this, lease)

    /** Whether it takes no more calls, because it or the object it is a part of has ended. */
    val isOver: Boolean get() = lease.get() || inside?.isOver == true

    /** Records that the engine has ended it, or will by a request that was just made. */
    fun end() {
        lease.end()
        cleanable.clean()
    }

    /** Releases it: anything open in it is rolled back. Returns false if it was over. */
    fun drop(): Boolean {
        val first = !lease.get()
        cleanable.clean()
        return first
    }

    /** Returns whether it is [other], or a part of it. */
    fun isWithin(other: RemoteHandle): Boolean = this === other || inside?.isWithin(other) == true

    /** Whether the [RemoteHandle] is over. It must not refer to that object. */
    private class Lease(private val id: Int, private val client: EngineClient, private val trace: CallTrace?) :
        AtomicBoolean(), Runnable {
        init {
            client.handles.add(id)
        }

        fun end() {
            if (!compareAndSet(false, true)) return
            client.handles.remove(id)
            trace?.over()
        }

        override fun run() {
            if (!compareAndSet(false, true)) return
            client.handles.remove(id)
            client.tell(Op.DROP, id)
            trace?.over()
        }
    }
}
