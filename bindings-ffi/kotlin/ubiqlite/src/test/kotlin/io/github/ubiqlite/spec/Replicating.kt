package io.github.ubiqlite.spec

import io.github.ubiqlite.Database
import io.github.ubiqlite.Replica
import io.github.ubiqlite.ReplicaMoment
import io.github.ubiqlite.ReplicaState
import java.time.Instant
import kotlin.time.Duration.Companion.milliseconds

/** Keeps a replica for the steps of the call. It goes on until its database is closed. */
internal suspend fun replicate(step: Step, on: Any, rest: Scope, world: World): Outcome {
    val db = on as? Database ?: throw Failure("the handle has no method ${step.method}")
    val folder = world.locate(step.text("path"))
    val interval = step.number("interval")?.milliseconds
    step.everythingWasUsed()
    var replica: Replica? = null
    val outcome = settle {
        replica = db.replicate(folder) { this.interval = interval }
        null
    }
    replica?.let { rest.with(step, it) }
    return outcome
}

/** Makes the call of a step on a replica. */
internal suspend fun onReplica(step: Step, replica: Replica): Outcome {
    step.everythingWasUsed()
    return settle {
        when (step.method) {
            "flush" -> replica.flush()
            "state" -> replica.state()
            "stop" -> replica.stop()
            else -> throw Failure("a replica has no method ${step.method}")
        }
    }
}

/** Restores a moment of a replica. */
internal suspend fun restoreReplica(step: Step, world: World): Outcome {
    val (from, to) = world.locate(step.text("replica")) to world.locate(step.text("path"))
    fun field(key: String): Long? = if (step.has(key)) (step.data(key) as Map<*, *>)[key] as Long else null
    val (transaction, time) = field("transaction") to field("time")
    step.everythingWasUsed()
    return settle {
        when {
            transaction != null -> Database.restoreReplica(from, to, ReplicaMoment.transaction(transaction))
            time != null -> Database.restoreReplica(from, to, ReplicaMoment.time(Instant.ofEpochMilli(time)))
            else -> Database.restoreReplica(from, to)
        }
    }
}

/** Returns how far a replica is, as data. */
internal fun dataOfState(state: ReplicaState): Map<String, Any?> = with(state) {
    mapOf(
        "transaction" to transaction, "time" to time?.toEpochMilli(), "lag" to lag, "waiting" to waiting,
        "snapshots" to snapshots, "last_snapshot" to lastSnapshot, "reason" to reason?.name?.lowercase(), "error" to error,
        "ended" to ended,
    )
}
