package io.github.ubiqlite.internal

import io.github.ubiqlite.UbiqliteException
import kotlin.reflect.KClass
import kotlinx.serialization.KSerializer

/** Returns what [find] finds for a type. A type without a serializer is an argument that can't be used. */
@PublishedApi
internal inline fun <T> known(type: KClass<*>, find: () -> KSerializer<T>): KSerializer<T> = try {
    find()
} catch (error: IllegalArgumentException) {
    throw unknown(type, error)
}

/** Returns the error for a type without a serializer. If a type inside it has none, such as a list's elements, [cause] names that. */
@PublishedApi
internal fun unknown(type: KClass<*>, cause: IllegalArgumentException): UbiqliteException {
    val why = cause.message?.lineSequence()?.firstOrNull()?.removeSuffix(".") ?: cause.toString()
    return invalid("a ${type.java.name} is not a value; give one that SQLite has, or make its class @Serializable ($why)", cause)
}
