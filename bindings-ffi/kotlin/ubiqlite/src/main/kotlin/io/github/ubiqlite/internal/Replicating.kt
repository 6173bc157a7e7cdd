package io.github.ubiqlite.internal

import io.github.ubiqlite.ReplicaMoment
import io.github.ubiqlite.ReplicaOptions
import io.github.ubiqlite.ReplicaState
import io.github.ubiqlite.ReplicaStorage
import io.github.ubiqlite.SnapshotReason
import java.time.Instant
import kotlin.time.Duration

/** A replica in the engine. */
internal class Replicating(private val target: CallTarget) {
    suspend fun state(): ReplicaState = ask(STATE)

    suspend fun flush(): ReplicaState = ask(FLUSH)

    suspend fun stop(): ReplicaState = ask(STOP)

    private suspend fun ask(what: Int): ReplicaState {
        val cells = Cells(target.ask(Op.NEXT) { it.u32(what) }.rows())
        return ReplicaState(
            transaction = cells.long(),
            time = (cells.next() as Long?)?.let(Instant::ofEpochMilli),
            lag = cells.long(),
            waiting = cells.long(),
            snapshots = cells.long(),
            lastSnapshot = cells.next() as Long?,
            reason = (cells.next() as String?)?.let { SnapshotReason.valueOf(it.uppercase()) },
            error = cells.next() as String?,
            ended = cells.long() != 0L,
        )
    }

    private companion object {
        const val STATE = 0
        const val FLUSH = 1
        const val STOP = 2
    }
}

/** Where a replica is: the path of a folder, or a storage of the program's. */
internal sealed interface Place {
    class Folder(val path: String) : Place

    class Own(val storage: ReplicaStorage) : Place
}

/** Begins a replica. */
internal suspend fun replicated(target: CallTarget, to: Place, options: ReplicaOptions): Replicating {
    val settings = with(options) {
        if ((memory ?: 0) < 0) throw invalid("the memory of a replica must be a number of bytes")
        longArrayOf(span(interval), memory ?: DEFAULT, span(snapshotEvery, 0), span(keep, 0), span(closeTimeout))
    }
    return placed(target, to, lasting = true) { place ->
        val handle = target.open(Op.REPLICATE) { out ->
            place(out)
            settings.forEach(out::i64)
        }
        Replicating(target.within(handle))
    }
}

/** Restores a moment of a replica into the new file [path]. */
internal suspend fun restored(target: CallTarget, from: Place, path: String, moment: ReplicaMoment): Long {
    if (moment.number < 0) throw invalid("a transaction has a number from 1 on")
    return placed(target, from, lasting = false) { place ->
        target.ask(Op.REPLICA_RESTORE) { out ->
            place(out)
            out.u8(moment.kind)
            out.i64(moment.number)
            out.text(path)
        }.count()
    }
}

/** Calls [use] with what writes where the replica is. If it succeeds, a storage may be [lasting]. */
private suspend inline fun <T> placed(target: CallTarget, place: Place, lasting: Boolean, use: ((Writer) -> Unit) -> T): T {
    if (place is Place.Folder) {
        if (place.path.isEmpty()) throw invalid("the path of a replica must not be empty")
        return use { out ->
            out.u8(0)
            out.text(place.path)
        }
    }
    val tasks = StorageTasks.begin(target, (place as Place.Own).storage)
    var done = false
    try {
        return use { out ->
            out.u8(1)
            out.u32(tasks.id)
        }.also { done = lasting }
    } finally {
        if (!done) tasks.end()
    }
}

private const val DEFAULT = -1L

/** Milliseconds: longer than anybody keeps anything. */
private const val LONGEST = 1_000_000_000_000_000

/** Returns a time as it is sent; [endless]: what an infinite one is. */
private fun span(time: Duration?, endless: Long = LONGEST): Long = when {
    time == null -> DEFAULT
    time.isInfinite() && time.isPositive() -> endless
    else -> minOf(millis(time), LONGEST)
}
