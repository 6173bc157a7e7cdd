package io.github.ubiqlite.r2dbc

import java.time.DateTimeException
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.time.OffsetDateTime
import java.time.ZoneOffset
import java.time.ZonedDateTime
import java.time.format.DateTimeFormatter
import java.time.format.DateTimeFormatterBuilder

/** ISO 8601, with a `T` or, as in the output of SQLite's functions, a blank between date and time. */
private val LOCAL: DateTimeFormatter = DateTimeFormatterBuilder()
    .append(DateTimeFormatter.ISO_LOCAL_DATE)
    .optionalStart().appendLiteral('T').optionalEnd()
    .optionalStart().appendLiteral(' ').optionalEnd()
    .append(DateTimeFormatter.ISO_LOCAL_TIME)
    .toFormatter()

private val OFFSET: DateTimeFormatter = DateTimeFormatterBuilder().append(LOCAL).appendOffsetId().toFormatter()

/**
 * Reads a text as a date or time; returns null if it is not one, or another type is requested.
 * Without a zone it is in UTC, as for SQLite's own functions.
 */
internal fun decodedTime(value: String, type: Class<*>): Any? = try {
    when (type) {
        Instant::class.java -> moment(value).toInstant()
        OffsetDateTime::class.java -> moment(value)
        ZonedDateTime::class.java -> moment(value).toZonedDateTime()
        LocalDateTime::class.java -> LOCAL.parse(value, LocalDateTime::from)
        LocalDate::class.java -> LocalDate.parse(value)
        LocalTime::class.java -> LocalTime.parse(value)
        else -> null
    }
} catch (_: DateTimeException) {
    null
}

private fun moment(value: String): OffsetDateTime {
    val zoned = value.endsWith('Z') || value.lastIndexOf('+') > DATE || value.lastIndexOf('-') > DATE
    if (zoned) return OFFSET.parse(value, OffsetDateTime::from)
    return LOCAL.parse(value, LocalDateTime::from).atOffset(ZoneOffset.UTC)
}

/** The hyphens of a date are before this. */
private const val DATE = 10
