package io.github.ubiqlite.internal

import io.github.ubiqlite.Damage
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
