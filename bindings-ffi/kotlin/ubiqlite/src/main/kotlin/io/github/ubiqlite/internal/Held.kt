package io.github.ubiqlite.internal

import java.lang.ref.Cleaner
import java.util.concurrent.atomic.AtomicBoolean

/**
 * One thread for the process, which lets go what was forgotten. Java makes it: one of ours
 * would have the class loader and the rights of who used the library first, and keep them.
 */
internal val cleaner: Cleaner = Cleaner.create()

/**
 * What keeps a database open: when nobody has it any more, the database was forgotten
 * and is closed. So nothing that lives as long as the [Link] may lead here.
 */
internal class Owner(link: Link) {
    init {
        cleaner.register(this, Forgotten(link))
    }

    private class Forgotten(private val link: Link) : Runnable {
        override fun run() = link.abandon()
    }
}

/**
 * Something that the engine keeps for this client: a transaction, a savepoint, a
 * session, a snapshot or a stream. Forgotten, it is let go.
 */
internal class Held(
    /** The number of the request that made it. */
    @JvmField val id: Int,
    link: Link,
    /** What it is a part of. */
    private val inside: Held?,
) {
    private val lease = Lease(id, link)
    private val cleanable = cleaner.register(this, lease)

    /** Whether it takes no call any more, by its own end or that of what it is a part of. */
    val isOver: Boolean get() = lease.get() || inside?.isOver == true

    /** The engine has ended it, or will by a request that was just made. */
    fun end() {
        lease.end()
        cleanable.clean()
    }

    /** Lets it go: what is open in it is rolled back. False if it was over. */
    fun drop(): Boolean {
        val first = !lease.get()
        cleanable.clean()
        return first
    }

    /** Whether it is [other], or a part of it. */
    fun isWithin(other: Held): Boolean = this === other || inside?.isWithin(other) == true

    /** Whether it is over. It must not lead to what it is the lease of. */
    private class Lease(private val id: Int, private val link: Link) : AtomicBoolean(), Runnable {
        init {
            link.lent.add(id)
        }

        fun end() {
            if (compareAndSet(false, true)) link.lent.remove(id)
        }

        override fun run() {
            if (!compareAndSet(false, true)) return
            link.lent.remove(id)
            link.tell(Op.DROP, id)
        }
    }
}
