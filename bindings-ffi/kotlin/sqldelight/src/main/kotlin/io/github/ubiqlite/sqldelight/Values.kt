package io.github.ubiqlite.sqldelight

import app.cash.sqldelight.db.QueryResult
import app.cash.sqldelight.db.SqlCursor
import app.cash.sqldelight.db.SqlPreparedStatement
import io.github.ubiqlite.Row

/** Returns the values that [binders] binds. */
internal fun bound(parameters: Int, binders: (SqlPreparedStatement.() -> Unit)?): Array<Any?> {
    val values = Values(parameters)
    binders?.invoke(values)
    return values.all
}

private class Values(parameters: Int) : SqlPreparedStatement {
    val all = arrayOfNulls<Any?>(parameters)

    override fun bindBytes(index: Int, bytes: ByteArray?) {
        all[index] = bytes
    }

    override fun bindLong(index: Int, long: Long?) {
        all[index] = long
    }

    override fun bindDouble(index: Int, double: Double?) {
        all[index] = double
    }

    override fun bindString(index: Int, string: String?) {
        all[index] = string
    }

    override fun bindBoolean(index: Int, boolean: Boolean?) {
        all[index] = boolean
    }
}

/** The rows of a result, one after another. */
internal class RowsCursor(private val rows: List<Row>) : SqlCursor {
    private var at = -1

    override fun next(): QueryResult<Boolean> = QueryResult.Value(++at < rows.size)

    /** Also of an integer: SQLDelight takes what `json_extract` returns for text, for example. */
    override fun getString(index: Int): String? {
        val value = rows[at][index]
        return if (value is Long) value.toString() else rows[at].stringOrNull(index)
    }

    override fun getLong(index: Int): Long? = rows[at].longOrNull(index)

    override fun getBytes(index: Int): ByteArray? = rows[at].bytesOrNull(index)

    override fun getDouble(index: Int): Double? = rows[at].doubleOrNull(index)

    override fun getBoolean(index: Int): Boolean? = rows[at].booleanOrNull(index)
}
