package io.github.ubiqlite.r2dbc

/**
 * What Java may give as null: the SPI wants an [IllegalArgumentException] then. This
 * module is compiled without Kotlin's own checks of parameters, which throw another.
 */
internal fun <T : Any> required(value: T?, what: String): T =
    value ?: throw IllegalArgumentException("$what must not be null")
