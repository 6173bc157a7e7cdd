package io.github.ubiqlite.spec

import io.github.ubiqlite.Applied
import io.github.ubiqlite.AppliedMigration
import io.github.ubiqlite.Capabilities
import io.github.ubiqlite.Conflict
import io.github.ubiqlite.Damage
import io.github.ubiqlite.Drift
import io.github.ubiqlite.Executed
import io.github.ubiqlite.Key
import io.github.ubiqlite.MigrationStep
import io.github.ubiqlite.Outbox
import io.github.ubiqlite.OutboxBatch
import io.github.ubiqlite.Recovered
import io.github.ubiqlite.ReplicaState
import io.github.ubiqlite.Row
import io.github.ubiqlite.Spent
import io.github.ubiqlite.Stats
import io.github.ubiqlite.UbiqliteException
import kotlin.time.Duration
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** The result of a call: data, or what it threw. */
internal class Outcome(val found: Any?, val error: Throwable? = null)

/** Converts what the library returned into data. */
internal fun dataOf(result: Any?): Any? = when (result) {
    is WatchResult, is Outbox -> result
    is ResultsOfAll -> result.data
    null, is Boolean, is Long, is Double, is String, is ByteArray -> result
    is Row -> {
        val row = result.toMap()
        if (row.keys.toList() != result.columns) throw Failure("a row has the columns ${result.columns}, and as a map ${row.keys}")
        row.mapValues { dataOf(it.value) }
    }
    is Executed -> mapOf("rows_changed" to result.rowsChanged, "last_row_id" to result.lastRowId)
    is Capabilities -> with(result) {
        mapOf(
            "transactions" to transactions, "cursors" to cursors, "snapshots" to snapshots, "sessions" to sessions,
            "watches" to watches, "row_changes" to rowChanges, "changesets" to changesets, "backups" to backups,
            "replicas" to replicas,
        )
    }
    is OutboxBatch -> mapOf("id" to result.id, "bytes" to result.bytes)
    is Applied -> mapOf("rebased" to result.rebased, "conflicts" to result.conflicts.map(::dataOf))
    is Conflict -> with(result) {
        mapOf(
            "table" to table, "kind" to word(kind), "change" to word(change), "key" to key, "ours" to ours,
            "theirs" to theirs, "decision" to word(decision),
        )
    }
    is Damage -> with(result) {
        mapOf("kind" to word(kind), "table" to table, "rowid" to rowid, "parent" to parent, "message" to message)
    }
    is ReplicaState -> dataOfState(result)
    is Stats -> dataOfStats(result)
    is MigrationStep -> dataOfStep(result)
    is AppliedMigration -> dataOfApplied(result)
    is Drift -> dataOfDrift(result)
    is Recovered -> mapOf("tables" to result.tables.map { (name, rows) -> listOf(name, rows) }, "lost_and_found" to result.lostAndFound)
    is Key -> result.values.map(::dataOf)
    is List<*> -> result.map(::dataOf)
    Unit -> null
    else -> throw Failure("a call returns a ${result.javaClass.name}: $result")
}

/** Statistics by the names that the other languages have for them; a time may be any number. */
private fun dataOfStats(stats: Stats): Map<String, Any?> {
    // The compiler adds to the name of a property what its type is, if that is a `Duration`.
    val getters = Stats::class.java.methods.filter { it.name.startsWith("get") && it.declaringClass == Stats::class.java }
    return getters.associate { getter ->
        val name = getter.name.removePrefix("get").substringBefore('-').replaceFirstChar { it.lowercase() }
        val value = when (val found = getter.invoke(stats)) {
            is Spent -> mapOf("count" to found.count, "total" to found.total.inWholeNanoseconds, "longest" to found.longest.inWholeNanoseconds)
            null, is Long -> found
            is Duration -> found.inWholeNanoseconds
            else -> throw Failure("of the statistics $name is a ${found.javaClass.name}")
        }
        name.replace(Regex("[A-Z]")) { "_" + it.value.lowercase() } to value
    }
}

private fun word(of: Enum<*>): String = of.name.lowercase()

/** Methods for whose results only the expected keys are compared. */
private val PARTIAL = setOf("execute", "batch", "capabilities", "apply", "migrations", "stats", "flush", "state", "stop")

/** Compares the outcome with the expectation; throws the difference in readable form. */
internal fun check(step: Step, outcome: Outcome, nameOf: (String) -> String) {
    val expected = step.json["error"]
    val error = outcome.error
    if (error == null) {
        if (expected != null) throw Failure("expected the error  $expected\n      found the result ${show(outcome.found)}")
        return checkResult(step, outcome.found)
    }
    if (expected == null) throw Failure("failed with ${tell(error)}")
    checkError(error, expected as? JsonObject ?: JsonObject(mapOf("kind" to expected)), step, nameOf)
}

private fun checkResult(step: Step, result: Any?) {
    for (key in listOf("added", "removed", "updated")) {
        if (!step.has(key)) continue
        val diff = (result as? WatchResult)?.diff ?: throw Failure("${show(result)} is no result of a watch")
        compare(read(step.json[key], step.names), diff[key], false, key)
    }
    val found = if (result is WatchResult) result.rows else result
    for (key in listOf("gives", "rows")) {
        if (step.has(key)) compare(read(step.json[key], step.names), found, step.method in PARTIAL, "result")
    }
    if (step.has("count")) {
        val rows = list(found)
        if (rows.size.toLong() != step.number("count")) throw Failure("expected ${step.number("count")} rows, found ${rows.size}")
    }
    if (step.has("columns")) {
        val row = (if (found is List<*>) found.firstOrNull() else found) as? Map<*, *> ?: throw Failure("no row that would tell the columns")
        compare(read(step.json["columns"], step.names), row.keys.toList(), false, "columns")
    }
}

/** Compares data; throws the first place where they differ. */
private fun compare(expected: Any?, found: Any?, partial: Boolean, place: String) {
    if (!same(expected, found, partial, place)) throw Failure("$place: expected ${show(expected)}\n      found ${show(found)}")
}

private fun same(expected: Any?, found: Any?, partial: Boolean, place: String): Boolean = when (expected) {
    ANY -> found != null
    is ByteArray -> found is ByteArray && expected.contentEquals(found)
    is List<*> -> {
        // A row may be written as its values alone.
        val items = if (found is Map<*, *>) found.values.toList() else found as? List<*>
        items?.let { expected.zip(it) }.orEmpty().forEachIndexed { index, (one, other) -> compare(one, other, partial, "$place[$index]") }
        expected.size == items?.size
    }
    is Map<*, *> -> found is Map<*, *> && run {
        for ((name, value) in expected) {
            if (name !in found) throw Failure("$place has no \"$name\"; found ${show(found)}")
            compare(value, found[name], partial, "$place.$name")
        }
        partial || expected.size == found.size
    }
    // Bit by bit: -0.0 is not 0.0, and 1.0 is not 1.
    else -> expected == found
}

private fun checkError(error: Throwable, expected: JsonObject, step: Step, nameOf: (String) -> String) {
    (expected["thrown"] as? JsonPrimitive)?.let { thrown ->
        if (error is Thrown && error.message == thrown.content) return
        throw Failure("expected the caller's \"${thrown.content}\", unchanged\n         found ${tell(error)}")
    }
    if (error !is UbiqliteException) throw Failure("failed with what is no UbiqliteException: ${tell(error)}")
    if (error.javaClass.simpleName != error.kind.name) throw Failure("an error of the kind ${error.kind} is a ${error.javaClass.name}")
    for ((name, value) in expected) {
        val found: Any? = when (name) {
            "kind" -> error.kind.name
            "message" -> error.message
            "columns" -> error.columns
            "code" -> error.code?.toLong()
            "table" -> error.table
            "index" -> error.index?.toLong()
            "offset" -> error.offset?.toLong()
            "path" -> error.path?.let(nameOf)
            else -> throw Failure("an error has no \"$name\"")
        }
        val wanted = read(value, step.names)
        val holds = when {
            name == "kind" && value is JsonArray -> found in list(wanted)
            name == "message" -> error.message.orEmpty().contains(text(wanted), ignoreCase = true)
            else -> found == wanted
        }
        if (!holds) throw Failure("the error's $name: expected ${show(wanted)}\n      found ${show(found)} in ${tell(error)}")
    }
}

/** Describes an error in readable form, with all that it carries. */
internal fun tell(error: Throwable): String {
    if (error !is UbiqliteException) return error.stackTraceToString().lines().take(12).joinToString("\n")
    return with(error) { "$kind: $message {code: $code, table: $table, columns: $columns, offset: $offset, index: $index, path: $path}" }
}
