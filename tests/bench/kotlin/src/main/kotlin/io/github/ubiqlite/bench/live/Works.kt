package io.github.ubiqlite.bench.live

import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout

/** How long a result may take before the run fails. */
private val PATIENCE = 60.seconds

/** Commits before the clock starts, so that all code is compiled. */
private const val WARM_UP = 10_000

/** How often the writer's pace is measured without flows and with them: it changes from second to second. */
private const val TURNS = 9

/** Runs one work, and returns its figures: name, unit, value. */
suspend fun runLive(work: String, subject: LiveSubject, quick: Boolean): List<Triple<String, String, Double>> {
    fun n(usual: Int) = if (quick) usual / 10 else usual
    SCHEMA.forEach { subject.execute(it) }
    return when (work) {
        "live_latency" -> latency(subject, n(20_000))
        "live_kept" -> kept(subject, n(5_000))
        else -> error("there is no work $work")
    }
}

private class Seen(val text: String, val at: Long)

/**
 * From a commit to the result that another coroutine collects of it. A library may do part of that
 * before the call of the write returns, so the time from before that call is measured too.
 */
private suspend fun latency(subject: LiveSubject, commits: Int) = coroutineScope {
    val seen = Channel<Seen>(Channel.UNLIMITED)
    val watch = launch {
        subject.text(7).collect { rows -> seen.trySend(Seen(rows.single(), System.nanoTime())) }
    }
    seen.receive()
    val fromCall = ArrayList<Long>()
    val fromCommit = ArrayList<Long>()
    for (i in 0 until WARM_UP + commits) {
        val text = "$i"
        val called = System.nanoTime()
        val committed = subject.update(7, text)
        val at = withTimeout(PATIENCE) {
            var next = seen.receive()
            while (next.text != text) next = seen.receive()
            next.at
        }
        if (i < WARM_UP) continue
        fromCall += at - called
        // It may be there before the library has said that the write is committed.
        fromCommit += maxOf(at - committed, 0)
    }
    watch.cancelAndJoin()
    listOf(
        Triple("live_latency_p50", "us", fromCommit.atShare(50)),
        Triple("live_latency_p99", "us", fromCommit.atShare(99)),
        Triple("live_latency_call_p50", "us", fromCall.atShare(50)),
        Triple("live_latency_call_p99", "us", fromCall.atShare(99)),
    )
}

private fun List<Long>.atShare(percent: Int): Double = sorted()[size * percent / 100] / 1_000.0

/** The writer's pace with [FLOWS] flows of 100 rows each, of which each write changes one, over that without. */
private suspend fun kept(subject: LiveSubject, writes: Int): List<Triple<String, String, Double>> {
    write(subject, WARM_UP, "first")
    // Also the flows before the clock starts.
    beside(subject) { write(subject, WARM_UP / 4, "first along") }
    val kept = ArrayList<Double>()
    val paces = ArrayList<Double>()
    for (turn in 0 until TURNS) {
        val without = write(subject, writes, "alone $turn")
        val with = beside(subject) { write(subject, writes, "along $turn") }
        kept += with / without
        paces += with
    }
    return listOf(
        Triple("live_kept", "times", kept.sorted()[TURNS / 2]),
        Triple("live_kept_pace", "writes/s", paces.sorted()[TURNS / 2]),
    )
}

/** Writes one after another, each committed, and returns how many there were in a second. */
private suspend fun write(subject: LiveSubject, writes: Int, text: String): Double {
    val start = System.nanoTime()
    for (i in 0 until writes) subject.update(i * 7_919 % WATCHED_ROWS + 1, "$text $i")
    return writes * 1e9 / (System.nanoTime() - start)
}

/** Runs [body] while all flows are collected. Each has its first result before, and the newest after. */
private suspend fun beside(subject: LiveSubject, body: suspend () -> Double): Double = coroutineScope {
    val flows = List(FLOWS) { Collected(it) }
    val jobs: List<Job> = flows.map { flow -> launch { subject.part(flow.part).collect(flow::show) } }
    withTimeout(PATIENCE) { flows.forEach { it.first.await() } }
    val pace = body()
    // A write that no flow may miss: it ends the turn for each of them.
    for (flow in flows) subject.update(flow.id, LAST)
    withTimeout(PATIENCE) { flows.forEach { it.last.await() } }
    jobs.forEach { it.cancelAndJoin() }
    for (flow in flows) subject.update(flow.id, "")
    pace
}

private const val LAST = "the last one"

/** What one flow has shown. */
private class Collected(val part: Int) {
    /** A row of the flow's result. */
    val id = if (part == 0) FLOWS else part
    val first = CompletableDeferred<Unit>()
    val last = CompletableDeferred<Unit>()

    fun show(rows: List<Line>) {
        check(rows.size == WATCHED_ROWS / FLOWS && rows.all { it.part == part.toLong() && it.b.length == 12 }) {
            "a flow has rows of others, or not all of its own"
        }
        first.complete(Unit)
        if (rows.any { it.id == id.toLong() && it.a == LAST }) last.complete(Unit)
    }
}
