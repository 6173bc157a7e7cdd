package io.github.ubiqlite.internal

import io.github.ubiqlite.BackupProgress
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** Copies the database into a file. The copy goes on while [progress] runs, and ends if that throws. */
internal suspend fun copied(
    target: CallTarget,
    path: String,
    overwrite: Boolean,
    compact: Boolean,
    progress: suspend (BackupProgress) -> Unit,
) {
    val copy = target.open(Op.BACKUP) { out ->
        out.flag(overwrite)
        out.flag(compact)
        out.text(path)
    }
    followed(target, copy) { progress(BackupProgress(done = long(), total = long())) }
}

/** Copies the database as bytes. The next ones are requested when the collector is done with the last. */
internal fun copiedBytes(target: CallTarget, compact: Boolean): Flow<ByteArray> = flow {
    val copy = target.open(Op.BACKUP_STREAM) { it.flag(compact) }
    followed(target, copy) { emit(blob()) }
}

/** Replaces what the database contains by what a file does. */
internal suspend fun restored(target: CallTarget, path: String): Unit = target.ask(Op.RESTORE) { out ->
    out.u8(0)
    out.text(path)
}.done()

/** Replaces what the database contains by what these bytes of a file do. */
internal suspend fun restored(target: CallTarget, bytes: ByteArray): Unit = target.ask(Op.RESTORE) { out ->
    out.u8(1)
    out.blob(bytes)
}.done()

/** Reads what a copy tells until it is complete. Otherwise it is dropped, which removes what there is of it. */
private suspend inline fun followed(target: CallTarget, copy: RemoteHandle, each: Cells.() -> Unit) {
    try {
        while (true) {
            val reply = target.within(copy).ask(Op.NEXT) { it.u32(0) }
            val rows = reply.rows()
            if (reply.ends) {
                copy.end()
                break
            }
            Cells(rows).each()
        }
    } finally {
        target.client.drop(copy, "backup")
    }
}

private fun Writer.flag(on: Boolean) = u8(if (on) 1 else 0)
