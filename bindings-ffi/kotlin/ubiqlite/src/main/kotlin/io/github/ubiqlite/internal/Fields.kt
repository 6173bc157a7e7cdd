package io.github.ubiqlite.internal

import io.github.ubiqlite.ErrorKind
import io.github.ubiqlite.UbiqliteException
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.jsonPrimitive

/** What an error tells. */
internal class Fields(
    val message: String,
    val code: Int? = null,
    val table: String? = null,
    val columns: List<String> = emptyList(),
    val offset: Int? = null,
    val index: Int? = null,
    val path: String? = null,
    /** Its name is the same in every language. */
    private val kind: String = ErrorKind.Internal.name,
) {
    fun exception(): UbiqliteException = when (ErrorKind.entries.find { it.name == kind }) {
        ErrorKind.UniqueViolation -> UbiqliteException.UniqueViolation(this)
        ErrorKind.PrimaryKeyViolation -> UbiqliteException.PrimaryKeyViolation(this)
        ErrorKind.ForeignKeyViolation -> UbiqliteException.ForeignKeyViolation(this)
        ErrorKind.NotNullViolation -> UbiqliteException.NotNullViolation(this)
        ErrorKind.CheckViolation -> UbiqliteException.CheckViolation(this)
        ErrorKind.TriggerViolation -> UbiqliteException.TriggerViolation(this)
        ErrorKind.ConstraintViolation -> UbiqliteException.ConstraintViolation(this)
        ErrorKind.DatatypeMismatch -> UbiqliteException.DatatypeMismatch(this)
        ErrorKind.Busy -> UbiqliteException.Busy(this)
        ErrorKind.ReadOnly -> UbiqliteException.ReadOnly(this)
        ErrorKind.DiskFull -> UbiqliteException.DiskFull(this)
        ErrorKind.Corrupt -> UbiqliteException.Corrupt(this)
        ErrorKind.NotADatabase -> UbiqliteException.NotADatabase(this)
        ErrorKind.CannotOpen -> UbiqliteException.CannotOpen(this)
        ErrorKind.NoSuchTable -> UbiqliteException.NoSuchTable(this)
        ErrorKind.NoSuchColumn -> UbiqliteException.NoSuchColumn(this)
        ErrorKind.Syntax -> UbiqliteException.Syntax(this)
        ErrorKind.InvalidArgument -> UbiqliteException.InvalidArgument(this)
        ErrorKind.NotFound -> UbiqliteException.NotFound(this)
        ErrorKind.TooBig -> UbiqliteException.TooBig(this)
        ErrorKind.OutOfMemory -> UbiqliteException.OutOfMemory(this)
        ErrorKind.Cancelled -> UbiqliteException.Cancelled(this)
        ErrorKind.Timeout -> UbiqliteException.Timeout(this)
        ErrorKind.Closed -> UbiqliteException.Closed(this)
        ErrorKind.Unsupported -> UbiqliteException.Unsupported(this)
        ErrorKind.OutcomeUnknown -> UbiqliteException.OutcomeUnknown(this)
        ErrorKind.SchemaChanged -> UbiqliteException.SchemaChanged(this)
        ErrorKind.NotAuthorized -> UbiqliteException.NotAuthorized(this)
        ErrorKind.Io -> UbiqliteException.Io(this)
        ErrorKind.Internal -> UbiqliteException.Internal(this)
        null -> UbiqliteException.Internal(this)
    }

    /** The same of an item of a list. */
    fun at(index: Int): Fields = Fields(message, code, table, columns, offset, index, path, kind)

    companion object {
        /** Of an exception. */
        fun of(error: UbiqliteException): Fields = with(error) {
            Fields(message.orEmpty(), code, table, columns, offset, index, path, kind.name)
        }

        /** Reads what the core wrote in JSON. */
        fun read(json: String): Fields {
            val fields = try {
                Json.parseToJsonElement(json) as? JsonObject
            } catch (_: SerializationException) {
                null
            }
            if (fields == null) return Fields("an error that can't be read: $json")
            fun text(name: String) = (fields[name] as? JsonPrimitive)?.contentOrNull
            fun number(name: String) = (fields[name] as? JsonPrimitive)?.intOrNull
            return Fields(
                message = text("message").orEmpty(),
                code = number("code"),
                table = text("table"),
                columns = (fields["columns"] as? JsonArray).orEmpty().map { it.jsonPrimitive.content },
                offset = number("offset"),
                index = number("index"),
                path = text("path"),
                kind = text("kind").orEmpty(),
            )
        }
    }
}

/** An argument can't be used. */
internal fun invalid(message: String, cause: Throwable? = null): UbiqliteException =
    UbiqliteException.InvalidArgument(Fields(message), cause)

/** What a call was made on is closed. */
internal fun closed(message: String): UbiqliteException = UbiqliteException.Closed(Fields(message))

/** A defect of this library. */
internal fun defect(message: String): UbiqliteException = UbiqliteException.Internal(Fields(message))

/** A value is not of the type that was asked for. */
internal fun mismatch(message: String, columns: List<String> = emptyList(), cause: Throwable? = null): UbiqliteException =
    UbiqliteException.DatatypeMismatch(Fields(message, columns = columns), cause)

/** Has the error that refuses an item of a list say which one it was. */
internal inline fun indexed(index: Int, write: () -> Unit) {
    try {
        write()
    } catch (error: UbiqliteException) {
        throw if (error.index != null) error else Fields.of(error).at(index).exception()
    }
}
