package io.github.ubiqlite.spec

import io.github.ubiqlite.AppliedMigration
import io.github.ubiqlite.Database
import io.github.ubiqlite.Drift
import io.github.ubiqlite.MigrationStep
import io.github.ubiqlite.Migrations
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long

/** Does what a step says with migrations. */
internal suspend fun migrate(step: Step, db: Database): List<Any> {
    val migrations = migrationsOf(step::get)
    val (what, number) = step.word("do") to step.number("number")
    step.everythingWasUsed()
    val migrator = db.migrations(migrations)
    return when (what) {
        "pending" -> migrator.pending()
        "applied" -> migrator.applied()
        "verify" -> migrator.verify()
        "rehearse" -> migrator.rehearse()
        "run" -> migrator.run()
        "dry_run" -> migrator.dryRun()
        "to" -> migrator.to(number ?: throw Failure("\"to\" wants \"number\""))
        else -> throw Failure("migrations can't \"$what\"")
    }
}

/** Reads the files and options of a step, or of the option of `open`. */
internal fun migrationsOf(field: (String) -> JsonElement?): Migrations {
    val files = (field("files") ?: throw Failure("there are no \"files\"")).jsonArray.map { file ->
        val (name, text) = file.jsonArray.map { it.jsonPrimitive.content }
        name to text
    }
    var migrations = Migrations.of(*files.toTypedArray())
    (field("allow_newer") as JsonPrimitive?)?.let { migrations = migrations.allowNewer(it.boolean) }
    (field("accept_edited") as JsonPrimitive?)?.let { migrations = migrations.acceptEdited(it.boolean) }
    (field("lock_timeout") as JsonPrimitive?)?.let { migrations = migrations.lockTimeout(it.long.milliseconds) }
    return migrations
}

internal fun dataOfStep(step: MigrationStep): Map<String, Any?> = with(step) {
    mapOf(
        "number" to number, "name" to name, "action" to action.name.lowercase(), "alone" to alone,
        "took" to took?.inWholeMicroseconds,
    )
}

internal fun dataOfApplied(applied: AppliedMigration): Map<String, Any?> = with(applied) {
    mapOf(
        "number" to number, "name" to name, "applied_at" to appliedAt?.toString(), "took" to took?.inWholeMicroseconds,
        "breaks_older" to breaksOlder, "reversible" to reversible, "known" to known,
    )
}

internal fun dataOfDrift(drift: Drift): Map<String, Any?> = with(drift) {
    mapOf("object" to schemaObject, "kind" to kind.name.lowercase(), "details" to details)
}
