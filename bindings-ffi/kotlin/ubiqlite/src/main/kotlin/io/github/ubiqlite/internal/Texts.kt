package io.github.ubiqlite.internal

import java.math.BigDecimal
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.time.OffsetDateTime
import java.time.ZoneOffset
import java.time.ZonedDateTime
import java.time.format.DateTimeFormatter
import java.time.format.DateTimeFormatterBuilder
import java.util.UUID
import kotlin.time.Duration
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration
import kotlin.uuid.ExperimentalUuidApi
import kotlin.uuid.Uuid

/**
 * Returns the text of types stored as text: instants and times in ISO 8601, in UTC if they have a
 * zone. Each kind has one width in every language, so that texts sort by time.
 *
 * @param refuse makes the error for a year without four digits, and for an infinite duration
 */
@OptIn(ExperimentalUuidApi::class)
internal fun textOf(value: Any, refuse: (String) -> Throwable): String? = when (value) {
    is Instant -> moment(value, refuse)
    is OffsetDateTime -> moment(value.toInstant(), refuse)
    is ZonedDateTime -> moment(value.toInstant(), refuse)
    is LocalDate -> dated(value, value, refuse)
    is LocalDateTime -> dated(value.toLocalDate(), "${value.toLocalDate()}T${CLOCK.format(value)}", refuse)
    is LocalTime -> CLOCK.format(value)
    is Duration -> if (value.isInfinite()) throw refuse("is infinite, which ISO 8601 can't express") else value.toIsoString()
    is java.time.Duration -> textOfDuration(value)
    is UUID -> value.toString()
    is Uuid -> value.toString()
    // None of SQLite's numbers keeps its digits.
    is BigDecimal -> value.toPlainString()
    is Char -> value.toString()
    else -> KotlinTime.platformTime(value)?.let { textOf(it, refuse) }
}

private val MOMENT = DateTimeFormatterBuilder().appendInstant(9).toFormatter()
private val CLOCK = DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSSSSS")

private fun moment(value: Instant, refuse: (String) -> Throwable): String =
    dated(value.atOffset(ZoneOffset.UTC).toLocalDate(), MOMENT.format(value), refuse)

/** Returns the text of the same Kotlin duration, whose type does not cover all of Java's. */
private fun textOfDuration(value: java.time.Duration): String {
    val same = value.toKotlinDuration()
    return if (same.isFinite() && same.toJavaDuration() == value) same.toIsoString() else value.toString()
}

private fun dated(day: LocalDate, text: Any, refuse: (String) -> Throwable): String {
    if (day.year !in 0..9999) throw refuse("has the year ${day.year}, which does not have four digits, and would sort incorrectly as text")
    return text.toString()
}
