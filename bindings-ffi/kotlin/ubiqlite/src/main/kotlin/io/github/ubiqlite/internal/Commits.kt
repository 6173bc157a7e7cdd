package io.github.ubiqlite.internal

import io.github.ubiqlite.ChangedRow
import io.github.ubiqlite.ChangedTable
import io.github.ubiqlite.CommitEvent
import io.github.ubiqlite.Key
import io.github.ubiqlite.UbiqliteException
import java.util.Collections
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * Follows the commits that change one of these tables, or of any if there are none. The next one is
 * requested when the collector is done with the last; until then the engine keeps them.
 */
internal fun commits(target: CallTarget, tables: Array<out String>): Flow<CommitEvent> = flow {
    val feed = target.open(Op.COMMITS) { out ->
        out.u32(tables.size)
        tables.forEach(out::text)
    }
    try {
        var number = 0
        while (true) {
            val reply = try {
                target.within(feed).ask(Op.NEXT) { it.u32(number) }.also { it.rows() }
            } catch (closed: UbiqliteException.Closed) {
                // It was closed between two events.
                break
            }
            if (reply.ends) {
                feed.end()
                break
            }
            val cells = Cells(reply.rows())
            number = cells.int()
            emit(cells.event())
        }
    } finally {
        target.client.drop(feed, "commit feed")
    }
}

private fun Cells.event(): CommitEvent {
    val moment = long()
    val flags = int()
    fun has(bit: Int) = flags and bit != 0
    val tables = ArrayList<ChangedTable>()
    while (hasNext) tables.add(table())
    return CommitEvent(moment, Collections.unmodifiableList(tables), has(1), has(2), has(4))
}

private fun Cells.table(): ChangedTable {
    val name = text()
    val width = int()
    val count = int()
    if (width == 0) return ChangedTable(name, null)
    val changed = List(count) {
        ChangedRow(of(ChangedRow.Kind.entries), if (width == 1) next() else Key(List(width) { next() }))
    }
    return ChangedTable(name, Collections.unmodifiableList(changed))
}
