package io.github.ubiqlite.spec

import io.github.ubiqlite.Database
import io.github.ubiqlite.Outbox
import io.github.ubiqlite.OutboxBatch
import io.github.ubiqlite.Reader
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.withContext

/**
 * An outbox, and the flow of its batches, which is collected from the first wait on. The scenarios
 * know one position: what one of the two has had, the other leaves out.
 */
internal class Sending(val outbox: Outbox, private val scope: CoroutineScope) {
    private val batches: ReceiveChannel<OutboxBatch> by lazy { outbox.batches().buffer(Channel.RENDEZVOUS).produceIn(scope) }
    private var last = 0L

    suspend fun next(): OutboxBatch? = first { outbox.next() }

    /** Waits for a batch; null: there will be none. */
    suspend fun await(): OutboxBatch? = first {
        val result = batches.receiveCatching()
        result.exceptionOrNull()?.let { throw it }
        result.getOrNull()
    }

    private suspend fun first(next: suspend () -> OutboxBatch?): OutboxBatch? {
        while (true) {
            val batch = next() ?: return null
            if (batch.id > last) return batch.also { last = it.id }
        }
    }
}

/** Keeps an outbox for the steps of the call. */
internal suspend fun outbox(step: Step, on: Reader, rest: Scope): Outcome {
    val db = on as? Database ?: throw Failure("the handle has no method ${step.method}")
    val tables = step.texts("tables").toTypedArray()
    step.everythingWasUsed()
    val outbox = settle { db.outbox(*tables) }
    if (outbox.error != null) return outbox
    val collecting = Job()
    // Unconfined, so that a wait has begun when the steps that run meanwhile do.
    val scope = CoroutineScope(currentCoroutineContext() + collecting + Dispatchers.Unconfined)
    try {
        (outbox.found as Outbox).use { rest.with(step, Sending(it, scope)) }
    } finally {
        withContext(NonCancellable) { collecting.cancelAndJoin() }
    }
    return Outcome(null)
}

/** Makes the call of a step on an outbox. */
internal suspend fun onOutbox(step: Step, sending: Sending, rest: Scope): Outcome = when (step.method) {
    "next" -> settle { step.everythingWasUsed().let { sending.next() } }
    "ack" -> step.batch().let { batch ->
        step.everythingWasUsed()
        settle { sending.outbox.ack(batch) }
    }
    "wait" -> {
        val waiting = CoroutineScope(currentCoroutineContext()).async(start = CoroutineStart.UNDISPATCHED) { settle { sending.await() } }
        rest.meanwhile(step)
        step.everythingWasUsed()
        waiting.await()
    }
    else -> throw Failure("an outbox has no method ${step.method}")
}
