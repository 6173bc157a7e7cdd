package io.github.ubiqlite.spec

import java.math.BigInteger
import java.time.Instant
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull

/*
 * What a scenario writes in JSON and what a call returns, as one kind of data:
 * null, Boolean, Long, Double, String, ByteArray; BigInteger beyond 64 bits; List, and
 * Map for rows and records; JsonText; ANY; WatchResult.
 */

/** Only in expectations: anything but NULL. */
internal object ANY

/** A list or map of the language, which binds as JSON text. */
internal class JsonText(val content: Any?)

private val INTEGER = Regex("-?[0-9]+")

/** Reads the notation of `tests/spec/README.md`; [number] is that of the enclosing `$for`. */
internal fun read(json: JsonElement?, names: Map<String, Any?>, number: Long? = null): Any? = when (json) {
    null, JsonNull -> null
    is JsonPrimitive -> primitive(json)
    is JsonArray -> json.map { read(it, names, number) }
    is JsonObject -> {
        val notation = json.keys.find { it.startsWith("$") }
        if (notation != null) notation(notation, json, names, number) else json.mapValues { read(it.value, names, number) }
    }
}

private fun primitive(json: JsonPrimitive): Any = when {
    json.isString -> json.content
    json.booleanOrNull != null -> json.content.toBoolean()
    INTEGER.matches(json.content) -> json.content.toLong()
    else -> json.content.toDouble()
}

private fun notation(name: String, fields: JsonObject, names: Map<String, Any?>, number: Long?): Any? {
    val content = fields.getValue(name)
    val other = fields.keys.find { it != name && !(name == "\$for" && it == "item") }
    if (other != null) throw Failure("\"$other\" has no place beside $name")
    return when (name) {
        "\$int" -> BigInteger(text(primitive(content as JsonPrimitive))).let { if (it.bitLength() > 63) it else it.toLong() }
        "\$real" -> text(primitive(content as JsonPrimitive)).toDouble()
        "\$blob" -> text(primitive(content as JsonPrimitive)).chunked(2).map { it.toInt(16).toByte() }.toByteArray()
        "\$text16" -> text(primitive(content as JsonPrimitive)).chunked(4).joinToString("") { it.toInt(16).toChar().toString() }
        "\$json" -> JsonText(plain(content))
        "\$moment" -> Instant.ofEpochMilli((content as JsonPrimitive).content.toLong())
        "\$any" -> ANY
        "\$i" -> number ?: throw Failure("\$i stands outside of \$for")
        "\$ref" -> {
            val wanted = (content as JsonPrimitive).content
            if (wanted !in names) throw Failure("nothing has the name \"$wanted\"")
            names[wanted]
        }
        "\$repeat" -> {
            val (what, times) = content as JsonArray
            repeated(read(what, names, number), (times as JsonPrimitive).content.toInt())
        }
        "\$concat" -> (content as JsonArray).joinToString("") { text(read(it, names, number)) }
        "\$for" -> {
            val (first, last) = (content as JsonArray).map { (it as JsonPrimitive).content.toLong() }
            (first..last).map { read(fields["item"], names, it) }
        }
        "\$pairs" -> mapOfPairs(list(read(content, names, number)))
        else -> throw Failure("$name is no notation that this runner knows")
    }
}

/** Converts JSON to Kotlin's own lists and maps. */
private fun plain(json: JsonElement): Any? = when (json) {
    JsonNull -> null
    is JsonPrimitive -> primitive(json)
    is JsonArray -> json.map(::plain)
    is JsonObject -> json.mapValues { plain(it.value) }
}

private fun repeated(what: Any?, times: Int): Any = when (what) {
    is String -> what.repeat(times)
    is List<*> -> List(times) { what }.flatten()
    is ByteArray -> ByteArray(what.size * times) { what[it % what.size] }
    else -> throw Failure("${show(what)} can't be repeated")
}

/** Reads a map that is written as a list of pairs. */
internal fun mapOfPairs(pairs: List<Any?>): Map<String, Any?> = pairs.associate { pair ->
    val (name, value) = list(pair)
    text(name) to value
}

internal fun text(data: Any?): String = data as? String ?: throw Failure("${show(data)} is no text")

internal fun list(data: Any?): List<Any?> = data as? List<*> ?: throw Failure("${show(data)} is no list")

/** Describes data in readable form; long values are shortened. */
internal fun show(data: Any?): String {
    val whole = when (data) {
        null -> "NULL"
        is String -> "text \"$data\""
        is ByteArray -> "blob of ${data.size} bytes ${data.take(40).joinToString("") { "%02x".format(it) }}"
        is JsonText -> "JSON ${data.content}"
        is List<*> -> data.take(8).joinToString(prefix = "[", postfix = "] (${data.size} items)", transform = ::show)
        is Map<*, *> -> data.entries.take(12).joinToString(prefix = "{", postfix = "}") { "${it.key}: ${show(it.value)}" }
        is WatchResult -> "a result of ${show(data.rows)}"
        ANY -> "anything"
        else -> "${data.javaClass.simpleName} $data"
    }
    return if (whole.length > 300) whole.take(300) + "…" else whole
}
