package io.github.ubiqlite.java

import io.github.ubiqlite.Row
import io.github.ubiqlite.internal.RowDecoder
import io.github.ubiqlite.internal.known
import kotlinx.serialization.serializer

/** Returns the index of a column that must exist. */
internal fun Row.place(column: String): Int {
    val index = indexOf(column)
    // The error of `isNull` names the columns that exist.
    if (index < 0) isNull(column)
    return index
}

/** Returns a value read as this class; null for `NULL`. */
internal fun <T : Any> Row.read(index: Int, type: Class<T>): T? {
    if (isNull(index)) return null
    val value = when (type) {
        Any::class.java -> get(index)
        Long::class.javaObjectType -> long(index)
        String::class.java -> string(index)
        else -> RowDecoder.value(this, index, known(type.kotlin) { serializers.serializer(type) }, type.kotlin)
    }
    @Suppress("UNCHECKED_CAST")
    return value as T
}
