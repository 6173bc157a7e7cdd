package io.github.ubiqlite.spec

import io.github.ubiqlite.Key
import io.github.ubiqlite.Mode
import io.github.ubiqlite.Params
import io.github.ubiqlite.Policy
import io.github.ubiqlite.Statement
import io.github.ubiqlite.Transfer
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray

private val OF_EVERY_CALL = setOf(
    "call", "on", "as", "steps", "timeout", "cancel", "escapes", "gives", "rows", "columns", "count", "added", "removed",
    "updated", "error",
)
private val GIVE_A_HANDLE = setOf("transaction", "savepoint", "begin", "begin_savepoint", "snapshot", "acquire", "watch", "watch_all", "outbox", "replicate")

/** One call of a scenario: its method, and its arguments in the shapes that the library takes. */
internal class Step(val json: JsonObject, val names: Map<String, Any?>) {
    private val used = OF_EVERY_CALL.toMutableSet()
    val method: String = text(read(json["call"], names))
    val on: String = word("on") ?: "db"
    val alias: String = word("as") ?: ""

    init {
        val holds = method in GIVE_A_HANDLE || method == "stream" && has("steps") || method == "select" && word("end") == "watch"
        if (holds != has("steps") || holds && alias.isEmpty()) {
            throw Failure("$method: \"steps\" and \"as\" are for calls that give a handle")
        }
    }

    fun has(key: String): Boolean = key in json

    fun get(key: String): JsonElement? {
        used += key
        return json[key]
    }

    fun word(key: String): String? = (get(key) as? JsonPrimitive)?.content

    fun number(key: String): Long? = (get(key) as? JsonPrimitive)?.content?.toLong()

    fun data(key: String): Any? {
        if (!has(key)) throw Failure("$method wants \"$key\"")
        return read(get(key), names)
    }

    fun text(key: String): String = text(data(key))

    /** The texts of a list, or the one text that stands there. */
    fun texts(key: String): List<String> = data(key).let { if (it is List<*>) it.map(::text) else listOf(text(it)) }

    /** Called once all arguments are read: any that are left would have been ignored. */
    fun everythingWasUsed() {
        json.keys.find { it !in used }?.let { throw Failure("\"$it\" has no place in $method") }
    }

    /** The parameters as people write them: values by position, or pairs by name. */
    fun params(): Array<out Any?> = if (has("params")) paramsOf(data("params")) else emptyArray()

    fun each(): List<Any?> = list(data("each")).map { row ->
        when (row) {
            is List<*> -> row.map(::toValue)
            else -> toMap(row)
        }
    }

    fun statements(): List<Statement> = list(data("statements")).map { statement ->
        if (statement is String) return@map Statement(statement)
        val (sql, params) = list(statement)
        Statement(text(sql), *paramsOf(params))
    }

    /** Queries that are watched together: the SQL, and perhaps its parameters and its key. */
    fun queries(): List<Statement> = list(data("queries")).map { query ->
        val parts = list(query)
        val statement = Statement(text(parts[0]), *paramsOf(parts.getOrElse(1) { emptyList<Any?>() }))
        val key = parts.getOrNull(2) ?: return@map statement
        statement.key(*(if (key is List<*>) key.map(::text) else listOf(text(key))).toTypedArray())
    }

    fun mode(): Mode? = word("mode")?.let { Mode.valueOf(it.uppercase()) }

    fun record(): Map<String, Any?> = toRecord(data("record"))
    fun records(): List<Map<String, Any?>> = list(data("records")).map(::toRecord)
    fun key(): Any? = toKey(data("key"))
    fun keys(): List<Any?> = list(data("keys")).map(::toKey)

    fun transfers(): List<Transfer> = list(data("transfers")).map { transfer ->
        val (from, to, amount) = list(transfer)
        Transfer(toKey(from), toKey(to), toValue(amount))
    }

    /** The bytes to apply: of a batch, as they are, or of several one after another. */
    fun changes(): ByteArray = bytesOf(data("changes"))

    fun policy(): Policy = toPolicy(data("policy"))
    fun policies(): Map<String, Policy> = (data("tables") as Map<*, *>).entries.associate { text(it.key) to toPolicy(it.value) }
    fun batch(): Long = (data("batch") as Map<*, *>)["id"] as Long

    fun steps(): List<JsonElement> = json.getValue("steps").jsonArray

    /** The steps that run while the call waits. */
    fun meanwhile(): List<JsonElement> = get("meanwhile")?.jsonArray.orEmpty()
}

/** Converts data to one value to bind. */
internal fun toValue(data: Any?): Any? = when (data) {
    is JsonText -> data.content
    is List<*>, is Map<*, *>, ANY -> throw Failure("${show(data)} is no value")
    // As people write it: an Int where it fits.
    is Long -> if (data == data.toInt().toLong()) data.toInt() else data
    else -> data
}

private fun bytesOf(data: Any?): ByteArray = when (data) {
    is ByteArray -> data
    is List<*> -> data.map(::bytesOf).fold(ByteArray(0), ByteArray::plus)
    is Map<*, *> -> data["bytes"] as ByteArray
    else -> throw Failure("${show(data)} are no changes")
}

private fun toPolicy(data: Any?): Policy = when (data) {
    "theirs" -> Policy.THEIRS
    "ours" -> Policy.OURS
    "abort" -> Policy.ABORT
    is Map<*, *> -> Policy.newest(text(data["newest"]))
    else -> throw Failure("${show(data)} is no policy")
}

private fun paramsOf(data: Any?): Array<out Any?> = when (data) {
    is List<*> -> data.map(::toValue).toTypedArray()
    is Map<*, *> -> if (data.isEmpty()) arrayOf(Params.named(emptyMap())) else toMap(data).toList().toTypedArray()
    else -> throw Failure("${show(data)} are no parameters")
}

private fun toMap(data: Any?): Map<String, Any?> =
    (data as? Map<*, *> ?: throw Failure("${show(data)} is no map")).entries.associate { text(it.key) to toValue(it.value) }

private fun toRecord(data: Any?): Map<String, Any?> = toMap(if (data is List<*>) mapOfPairs(data) else data)

private fun toKey(data: Any?): Any? = if (data is List<*>) Key(data.map(::toValue)) else toValue(data)
