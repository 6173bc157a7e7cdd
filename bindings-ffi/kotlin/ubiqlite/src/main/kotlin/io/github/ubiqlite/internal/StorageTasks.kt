package io.github.ubiqlite.internal

import io.github.ubiqlite.ReplicaStorage
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.flow.transform
import kotlinx.coroutines.launch

/**
 * Does with a program's storage what the engine wants, until that ends it. It goes on while the
 * database closes, which stores what was committed before.
 */
internal class StorageTasks private constructor(
    database: CallTarget,
    private val handle: RemoteHandle,
    private val storage: ReplicaStorage,
) {
    // Without the database's time limit.
    private val target = database.unlimited().within(handle)

    /** The number by which other requests name the storage. */
    val id: Int get() = handle.id

    /** Ends it: the engine gets nothing done any more. */
    fun end() = target.client.drop(handle, "storage")

    /** Does what is to be done, until it is over: then nobody waits for what is still being done. */
    private suspend fun run() = coroutineScope {
        try {
            while (true) {
                val reply = target.ask(Op.NEXT) { it.u32(0) }
                val rows = reply.rows()
                if (reply.ends) break
                val task = Cells(rows)
                val (number, what) = task.long() to task.int()
                val name = task.next() as String? ?: ""
                launch { carryOut(number, what, name) }
            }
            handle.end()
        } finally {
            end()
            coroutineContext.cancelChildren()
        }
    }

    private suspend fun carryOut(number: Long, what: Int, name: String) {
        try {
            when (what) {
                PUT -> storage.put(name, contentOf(number))
                LIST -> {
                    val names = storage.list()
                    return tell(number, NAMES) { out ->
                        out.u32(names.size)
                        names.forEach(out::text)
                    }.done()
                }
                GET -> return send(number, storage.get(name))
                else -> storage.remove(name)
            }
            tell(number, DONE).done()
        } catch (error: Throwable) {
            // What a storage throws is told, an `Error` and a cancellation of its own too: the engine waits for it.
            currentCoroutineContext().ensureActive()
            val why = error.message ?: error.toString()
            // The engine may not want to know any more.
            runCatching { tell(number, FAILED) { out -> if (!out.tryText(why)) out.text(error.javaClass.name) } }
        }
    }

    /** Returns the content of a file that is stored. The engine reads what the collector wants. */
    private fun contentOf(number: Long): Flow<ByteArray> = flow {
        while (true) {
            val cells = Cells(tell(number, MORE).rows())
            if (!cells.hasNext) break
            emit(cells.blob())
        }
    }

    private suspend fun send(number: Long, file: Flow<ByteArray>?) {
        if (file == null) return tell(number, NOT_FOUND).done()
        var wanted = true
        file.pieces().takeWhile { bytes ->
            wanted = tell(number, BYTES) { it.blob(bytes) }.bool()
            wanted
        }.collect()
        if (wanted) tell(number, END).done()
    }

    private suspend inline fun tell(number: Long, what: Int, more: (Writer) -> Unit = {}): Reply = target.ask(Op.STORED) { out ->
        out.i64(number)
        out.u8(what)
        more(out)
    }

    companion object {
        /** What is to be done. */
        private const val PUT = 0
        private const val LIST = 1
        private const val GET = 2

        /** What became of it. */
        private const val DONE = 0
        private const val MORE = 1
        private const val NAMES = 2
        private const val BYTES = 3
        private const val END = 4
        private const val NOT_FOUND = 5
        private const val FAILED = 6

        /** The program's storage is called on threads that it may block. */
        private val scope = CoroutineScope(SupervisorJob() + Program.dispatcher)

        suspend fun begin(target: CallTarget, storage: ReplicaStorage): StorageTasks {
            val tasks = StorageTasks(target, target.open(Op.STORAGE), storage)
            // It ends with the storage, whatever ends that.
            scope.launch { runCatching { tasks.run() } }
            return tasks
        }
    }
}

/** Returns the bytes in pieces that may be sent at once. */
private fun Flow<ByteArray>.pieces(): Flow<ByteArray> = transform { bytes ->
    if (bytes.size <= Limit.PIECE) return@transform emit(bytes)
    for (start in bytes.indices step Limit.PIECE) emit(bytes.copyOfRange(start, minOf(start + Limit.PIECE, bytes.size)))
}
