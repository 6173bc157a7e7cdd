package quickstart

import io.github.ubiqlite.UbiqliteException
import kotlin.time.measureTimedValue

/** What the example prints: one line per step, with the time it took. */
private var chapters = 0

fun chapter(title: String, about: String) {
    chapters += 1
    println("\n$chapters. $title\n   $about")
}

/** Runs [work], and prints what [tell] makes of its result. */
suspend fun <T> step(what: String, tell: (T) -> String = { it.toString() }, work: suspend () -> T): T {
    val (result, time) = measureTimedValue { work() }
    println("   %-34s %s  (%s)".format(what, tell(result), time))
    return result
}

/** Runs [work], which must fail, and prints its error. */
suspend fun refused(what: String, work: suspend () -> Unit): UbiqliteException {
    try {
        work()
    } catch (error: UbiqliteException) {
        println("   %-34s refused: %s: %s".format(what, error.kind, error.message))
        return error
    }
    error("$what was not refused")
}
