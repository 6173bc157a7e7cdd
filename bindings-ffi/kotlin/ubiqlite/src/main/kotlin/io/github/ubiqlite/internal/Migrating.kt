package io.github.ubiqlite.internal

import io.github.ubiqlite.AppliedMigration
import io.github.ubiqlite.Drift
import io.github.ubiqlite.MigrationStep
import io.github.ubiqlite.Migrations
import java.time.Instant
import java.time.format.DateTimeParseException
import java.util.Collections
import kotlin.time.Duration
import kotlin.time.Duration.Companion.microseconds

/** The operations on migrations. `core/src/wire/migrations.rs` has what they are asked and answer. */
internal class Migrating(
    private val target: CallTarget,
    private val migrations: Migrations,
    /** The path of the database that is being opened, which errors have then; empty: it is open. */
    private val opens: String = "",
) {
    suspend fun pending() = ask(Op.MIGRATIONS, PENDING).all { step() }

    suspend fun applied() = ask(Op.MIGRATIONS, APPLIED).all { applied() }

    suspend fun verify() = ask(Op.MIGRATIONS, VERIFY).all { drift() }

    suspend fun rehearse() = ask(Op.MIGRATIONS, REHEARSE).all { drift() }

    suspend fun run() = ask(Op.MIGRATE, RUN).all { step() }

    suspend fun dryRun() = ask(Op.MIGRATE, DRY_RUN).all { step() }

    suspend fun to(number: Long) = ask(Op.MIGRATE, TO, number).all { step() }

    private suspend fun ask(op: Int, doing: Int, number: Long = 0): Cells = Cells(
        target.ask(op) { out ->
            out.u8(doing)
            out.i64(number)
            out.u8((if (migrations.allowsNewer) ALLOW_NEWER else 0) or (if (migrations.acceptsEdited) ACCEPT_EDITED else 0))
            out.i64(migrations.patience)
            out.text(opens)
            out.u32(migrations.files.size)
            for ((name, text) in migrations.files) {
                out.text(name)
                out.text(text)
            }
        }.rows(),
    )

    private companion object {
        const val PENDING = 0
        const val APPLIED = 1
        const val VERIFY = 2
        const val REHEARSE = 3

        const val RUN = 0
        const val DRY_RUN = 1
        const val TO = 2

        const val ALLOW_NEWER = 1
        const val ACCEPT_EDITED = 2
    }
}

private inline fun <T> Cells.all(read: Cells.() -> T): List<T> {
    val found = ArrayList<T>()
    while (hasNext) found.add(read())
    return Collections.unmodifiableList(found)
}

private fun Cells.step(): MigrationStep = MigrationStep(
    number = long(),
    name = text(),
    action = of(MigrationStep.Action.entries),
    alone = flag(),
    took = took(),
)

private fun Cells.applied(): AppliedMigration = AppliedMigration(
    number = long(),
    name = text(),
    appliedAt = instant(),
    took = took(),
    breaksOlder = flag(),
    reversible = flag(),
    known = flag(),
)

private fun Cells.drift(): Drift = Drift(
    schemaObject = text(),
    kind = of(Drift.Kind.entries),
    details = Collections.unmodifiableList(List(int()) { text() }),
)

private fun Cells.flag(): Boolean = int() != 0

private fun Cells.took(): Duration? = (next() as? Long)?.microseconds

private fun Cells.instant(): Instant? {
    val text = next() as? String ?: return null
    return try {
        Instant.parse(text)
    } catch (error: DateTimeParseException) {
        throw mismatch("the ledger of the migrations has a time that is none: $text", cause = error)
    }
}
