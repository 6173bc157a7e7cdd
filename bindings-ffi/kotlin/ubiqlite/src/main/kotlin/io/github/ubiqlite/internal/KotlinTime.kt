package io.github.ubiqlite.internal

import java.time.LocalDateTime
import java.time.LocalTime
import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import kotlinx.serialization.modules.SerializersModuleBuilder

/**
 * Kotlin's time types that a program may lack: `kotlin.time.Instant`, which the standard
 * library has since 2.1.20 and only this object may name, and those of kotlinx-datetime.
 */
@OptIn(ExperimentalTime::class)
internal object KotlinTime {
    private const val INSTANT = "kotlin.time.Instant"

    /** The names of those whose own text varies in width. */
    val names: Set<String> =
        setOf(INSTANT, "kotlinx.datetime.Instant", "kotlinx.datetime.LocalDateTime", "kotlinx.datetime.LocalTime")

    /** Whether the program's standard library has `kotlin.time.Instant`. */
    val isThere: Boolean = try {
        Class.forName(INSTANT, false, KotlinTime::class.java.classLoader)
        true
    } catch (_: ClassNotFoundException) {
        false
    }

    /** Returns the same time as the platform's type; null if the value is none of these. */
    fun platformTime(value: Any): Any? = when (value.javaClass.name) {
        INSTANT -> convert(value as Instant)
        "kotlinx.datetime.Instant" -> java.time.Instant.parse(value.toString())
        "kotlinx.datetime.LocalDateTime" -> LocalDateTime.parse(value.toString())
        "kotlinx.datetime.LocalTime" -> LocalTime.parse(value.toString())
        else -> null
    }

    private fun convert(value: Instant): java.time.Instant =
        java.time.Instant.ofEpochSecond(value.epochSeconds, value.nanosecondsOfSecond.toLong())

    fun serializers(builder: SerializersModuleBuilder) = builder.text(Instant::class) { Instant.parse(it) }
}
