package io.github.ubiqlite.internal

import io.github.ubiqlite.Damage
import io.github.ubiqlite.Recovered
import java.util.Collections

/** Checks the whole database. */
internal suspend fun damages(target: CallTarget): List<Damage> {
    val cells = Cells(target.ask(Op.CHECK) { }.rows())
    val found = ArrayList<Damage>()
    while (cells.hasNext) found.add(cells.damage())
    return Collections.unmodifiableList(found)
}

private fun Cells.damage(): Damage = Damage(
    kind = if (text() == "content") Damage.Kind.CONTENT else Damage.Kind.FOREIGN_KEY,
    table = next() as? String,
    rowid = next() as? Long,
    parent = next() as? String,
    message = text(),
)

/** Saves what can be read of the file [from], or of the database's own if that is empty, in the file [to]. */
internal suspend fun recovered(target: CallTarget, from: String, to: String): Recovered {
    val cells = Cells(
        target.ask(Op.RECOVER) { out ->
            out.text(from)
            out.text(to)
        }.rows(),
    )
    val lost = cells.long()
    val tables = LinkedHashMap<String, Long>()
    while (cells.hasNext) tables[cells.text()] = cells.long()
    return Recovered(Collections.unmodifiableMap(tables), lost)
}
