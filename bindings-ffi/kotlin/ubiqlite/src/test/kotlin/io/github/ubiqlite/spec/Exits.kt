package io.github.ubiqlite.spec

/** The scenario does not hold, or is written incorrectly. */
internal class Failure(message: String) : Exception(message)

/** An error leaves the block of a transaction or savepoint, as it should: unchanged. */
internal class Escape(val error: Throwable) : Exception()

/** The caller's own exception, from a `throw`. */
internal class Thrown(message: String) : Exception(message)
