package io.github.ubiqlite.internal

import io.github.ubiqlite.Spent
import io.github.ubiqlite.Stats
import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds

/** Asks for the statistics of the database. */
internal suspend fun stats(target: CallTarget): Stats {
    val cells = Cells(target.ask(Op.STATS).rows())
    val found = HashMap<String, Long?>()
    while (cells.hasNext) found[cells.text()] = cells.next() as Long?
    return Numbers(found).stats()
}

/** Numbers by the names that the engine has for them; those that end in `_ns` are nanoseconds. */
private class Numbers(private val found: Map<String, Long?>) {
    private fun of(name: String): Long = found[name] ?: throw defect("the statistics have no $name")

    private fun time(name: String): Duration? = found[name + "_ns"]?.nanoseconds

    private fun spent(name: String) =
        Spent(of("$name.count"), of("$name.total_ns").nanoseconds, of("$name.longest_ns").nanoseconds)

    fun stats() = Stats(
        connections = of("connections"),
        busyReaders = of("busy_readers"),
        busySessions = of("busy_sessions"),
        waitingReads = of("waiting_reads"),
        waitingWrites = of("waiting_writes"),
        waitingSessions = of("waiting_sessions"),
        readWaits = spent("read_waits"),
        writeWaits = spent("write_waits"),
        sessionWaits = spent("session_waits"),
        readRuns = spent("read_runs"),
        writeRuns = spent("write_runs"),
        transactions = spent("transactions"),
        transactionAge = time("transaction_age"),
        commits = of("commits"),
        writes = of("writes"),
        largestGroup = of("largest_group"),
        rollbacks = of("rollbacks"),
        statementHits = of("statement_hits"),
        statementMisses = of("statement_misses"),
        pageHits = of("page_hits"),
        pageMisses = of("page_misses"),
        pageSpills = of("page_spills"),
        logPages = of("log_pages"),
        logUncopied = of("log_uncopied"),
        checkpoints = of("checkpoints"),
        checkpointsBlocked = of("checkpoints_blocked"),
        pages = of("pages"),
        pageSize = of("page_size"),
        oldestReader = time("oldest_reader"),
        watchedQueries = of("watched_queries"),
    )
}
