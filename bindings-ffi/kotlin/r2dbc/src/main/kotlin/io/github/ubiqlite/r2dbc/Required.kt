package io.github.ubiqlite.r2dbc

/**
 * Checks an argument that Java may pass as null: the SPI wants an [IllegalArgumentException]. This
 * module is compiled without Kotlin's own parameter checks, which throw a different exception.
 */
internal fun <T : Any> required(value: T?, what: String): T =
    value ?: throw IllegalArgumentException("$what must not be null")
