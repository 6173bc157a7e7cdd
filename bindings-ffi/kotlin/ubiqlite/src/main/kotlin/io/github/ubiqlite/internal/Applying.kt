package io.github.ubiqlite.internal

import io.github.ubiqlite.Applied
import io.github.ubiqlite.Conflict
import io.github.ubiqlite.Policy
import java.util.Collections

/** Applies a change set on a database or a transaction. */
internal suspend fun applied(target: CallTarget, bytes: ByteArray, policy: Policy, tables: Map<String, Policy>): Applied =
    Cells(
        target.ask(Op.APPLY) { out ->
            out.policy(policy)
            out.u32(tables.size)
            for ((table, own) in tables) {
                out.text(table)
                out.policy(own)
            }
            out.blob(bytes)
        }.rows(),
    ).applied()

private fun Writer.policy(policy: Policy) {
    u8(policy.code)
    policy.column?.let(::text)
}

private fun Cells.applied(): Applied {
    val rebased = int() != 0
    return Applied(Collections.unmodifiableList(List(int()) { conflict() }), rebased)
}

private fun Cells.conflict(): Conflict = Conflict(
    table = text(),
    kind = of(Conflict.Kind.entries),
    change = of(Conflict.Change.entries),
    decision = of(Conflict.Decision.entries),
    key = row() ?: throw defect("a conflict has no key"),
    ours = row(),
    theirs = row() ?: throw defect("a conflict has no row"),
)

/** Reads columns and their values; null: there is no row. */
private fun Cells.row(): Map<String, Any?>? {
    val width = int()
    if (width < 0) return null
    val row = LinkedHashMap<String, Any?>(2 * width)
    repeat(width) { row[text()] = next() }
    return Collections.unmodifiableMap(row)
}
