package io.github.ubiqlite

import io.github.ubiqlite.internal.Place
import io.github.ubiqlite.internal.replicated
import io.github.ubiqlite.internal.restored
import kotlinx.coroutines.flow.Flow

/**
 * Where the files of a replica are kept, if that is no folder: an object store, for example. A program
 * writes its own.
 *
 * The names are as `ltx/0/0000000000000002-0000000000000007.ltx`, and `ubiqlite.owner`, which says whose the
 * storage is: a second replica of the process is refused (`Busy`), and one of another process takes it over,
 * after which the first ends. What a method throws is told by [Replica.state], and is tried again later; it
 * never concerns those who write to the database. One method at a time is called for a replica, on threads of
 * the library's that may be blocked, except that a file of which only the beginning was wanted may still be
 * closing. While one waits for something that never comes, so does the replica, until [Replica.stop] or
 * [Database.close] has waited for the close timeout; it has ended then, and the coroutine is cancelled. A
 * database with such a replica is not closed by being forgotten.
 *
 * ```kotlin
 * class Bucket(private val objects: MutableMap<String, ByteArray>) : ReplicaStorage {
 *     override suspend fun put(name: String, content: Flow<ByteArray>) {
 *         val all = ByteArrayOutputStream()
 *         content.collect(all::writeBytes)
 *         objects[name] = all.toByteArray()
 *     }
 *
 *     override suspend fun list(): List<String> = objects.keys.toList()
 *
 *     override suspend fun get(name: String): Flow<ByteArray>? = objects[name]?.let { flowOf(it) }
 *
 *     override suspend fun remove(name: String) {
 *         objects.remove(name)
 *     }
 * }
 * ```
 */
public interface ReplicaStorage {
    /**
     * Stores a file, in place of one that has the name: whole and lasting once this returns. It collects
     * the content to its end, or throws. A file with all pages of a large database is large, too: its
     * content may be passed on as it comes, in pieces of 256 KiB at most.
     */
    public suspend fun put(name: String, content: Flow<ByteArray>)

    /** Returns the names of all files; there may be others among them. */
    public suspend fun list(): List<String>

    /** Returns the content of a file; null if there is none of that name. It is collected once, perhaps not to its end. */
    public suspend fun get(name: String): Flow<ByteArray>?

    /** Removes a file, if there is one. */
    public suspend fun remove(name: String)
}

/**
 * Keeps a replica of the database up to date, as the other `replicate`, in a storage of the program's own.
 *
 * ```kotlin
 * val replica = db.replicate(bucket) { keep = 30.days }
 * ```
 */
public suspend fun Database.replicate(to: ReplicaStorage, options: ReplicaOptions.() -> Unit = {}): Replica =
    Replica(replicated(target, Place.Own(to), ReplicaOptions().apply(options)))

/** Makes the database of a moment of a replica, as the other `restoreReplica`, from a storage of the program's own. */
public suspend fun Database.Companion.restoreReplica(
    from: ReplicaStorage,
    to: String,
    moment: ReplicaMoment = ReplicaMoment.LATEST,
): Long = open(":memory:").use { restored(it.target, Place.Own(from), to, moment) }
