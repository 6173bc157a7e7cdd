package io.github.ubiqlite.internal

import io.github.ubiqlite.OutboxBatch
import io.github.ubiqlite.UbiqliteException
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** An outbox in the engine. A request says which batch is the last one had, so that one that was given up loses none. */
internal class Batches(private val database: CallTarget, private val handle: RemoteHandle) {
    private val target = database.within(handle)

    /** Calls of [next] one at a time: no batch is returned twice. */
    private val order = Mutex()

    /** The number of the last batch that [next] has returned; 0: there was none. */
    private var last = 0L

    suspend fun next(): OutboxBatch? = order.withLock {
        ask(after = last, wait = false).batch()?.also { last = it.id }
    }

    /** The next batch is requested when the collector is done with the last. */
    fun flow(): Flow<OutboxBatch> = flow {
        // What waits is read without a wait for more: if that is refused, it was closed before.
        var batch = ask(after = 0, wait = false).batch()
        var last = 0L
        while (true) {
            if (batch != null) {
                last = batch.id
                emit(batch)
            }
            batch = try {
                val reply = ask(last, wait = true)
                if (reply.ends) handle.end()
                reply.batch()
            } catch (closed: UbiqliteException.Closed) {
                null
            } ?: break
        }
    }

    suspend fun ack(id: Long) = database.ask(Op.ACK) { it.i64(id) }.done()

    fun close() = target.client.drop(handle, "outbox")

    private suspend fun ask(after: Long, wait: Boolean): Reply = target.ask(Op.NEXT) { out ->
        out.u32(if (wait) 1 else 0)
        out.i64(after)
    }

    private fun Reply.batch(): OutboxBatch? = rows().firstRow()?.let { OutboxBatch(it.long(0), it.bytes(1)) }

    companion object {
        /** Records the changes of these tables. */
        suspend fun of(database: CallTarget, tables: Array<out String>): Batches {
            val handle = database.open(Op.OUTBOX) { out ->
                out.u32(tables.size)
                tables.forEach(out::text)
            }
            return Batches(database, handle)
        }
    }
}
