package io.github.ubiqlite.bench

import io.github.ubiqlite.bench.live.SqlDelightLive
import io.github.ubiqlite.bench.live.UbiqliteLive
import io.github.ubiqlite.bench.live.runLive
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking

/** Coroutines side by side in works named `_64`. */
private const val TASKS = 64

/** The least number of reads before the clock starts. */
private const val WARM_UP = 800_000

/**
 * Runs one work with one subject, and prints one figure per line:
 * `{"work":..,"unit":..,"value":..}`. Arguments: `SUBJECT WORK PATH [--quick]`.
 */
fun main(args: Array<String>) {
    val (name, work, path) = args
    val quick = "--quick" in args
    fun n(usual: Int) = if (quick) (usual + 9) / 10 else usual
    // The coroutines that measure run where most programs run theirs.
    runBlocking(Dispatchers.Default) {
        if (work.startsWith("live_")) {
            val subject = when (name) {
                "ubiqlite" -> UbiqliteLive.open(path)
                "sqldelight" -> SqlDelightLive(path)
                else -> error("there is no subject $name")
            }
            runLive(work, subject, quick).forEach { (figure, unit, value) -> print(figure, unit, value) }
            subject.close()
            return@runBlocking
        }
        val full = work.endsWith("_full")
        val subject = when (name) {
            "ubiqlite" -> if (work.endsWith("_r2dbc")) Ubiqlite.openByR2dbc(path) else Ubiqlite.open(path, full)
            "sqlite-jdbc" -> SqliteJdbc(path, full, io = work.endsWith("_io"))
            else -> error("there is no subject $name")
        }
        val took = when (work) {
            "create" -> fill(subject)
            "point_read", "point_read_io", "point_read_r2dbc" -> reads(subject, 1, n(400_000))
            "point_read_64", "point_read_64_r2dbc" -> reads(subject, TASKS, n(800_000))
            "stream" -> stream(subject)
            "execute_many" -> insertMany(subject, n(ROWS))
            "insert_1_full" -> inserts(subject, 1, n(2_000))
            "insert_64_full" -> inserts(subject, TASKS, n(20_000))
            else -> error("there is no work $work")
        }
        subject.close()
        if (took != null) print(work, "us", took)
    }
}

private fun print(figure: String, unit: String, value: Double) =
    println("""{"work":"$figure","unit":"$unit","value":$value}""")

private suspend fun fill(subject: Subject): Double? {
    subject.execute(CREATE_ITEMS)
    subject.insertMany(INSERT_ITEM, List(ROWS) { item(it + 1) }, withId = true)
    return null
}

/** Reads by random ids; microseconds per read. */
private suspend fun reads(subject: Subject, tasks: Int, count: Int): Double {
    val each = count / tasks
    val seeds = List(tasks) { ids(it, each) }
    val expected = seeds.sumOf { some -> some.sumOf { WEIGHTS[it] } }
    suspend fun all(of: (IntArray) -> IntArray): Long = inTasks(tasks) { task ->
        var sum = 0L
        for (id in of(seeds[task])) sum += weight(if (tasks == 1) subject.get(id) else subject.getBeside(id))
        sum
    }.sum()
    // When the clock starts, every page must be cached and all code compiled: that takes
    // equally long for few reads.
    repeat(maxOf(2, WARM_UP / (each * tasks))) { all { some -> some } }
    var sum = 0L
    val took = time { sum = all { it } }
    same(sum, expected)
    return took / (each * tasks)
}

/** Every row, one after another; microseconds per row. */
private suspend fun stream(subject: Subject): Double {
    val expected = WEIGHTS.sum()
    val times = List(12) {
        var sum = 0L
        time { subject.stream { sum += weight(it) } }.also { same(sum, expected) }
    }
    return times.drop(5).sorted()[3] / ROWS
}

/** Inserts, each committed by itself; microseconds per insert. */
private suspend fun inserts(subject: Subject, tasks: Int, count: Int): Double {
    subject.execute(CREATE_LOG)
    val each = count / tasks
    val items = List(each) { item(it + 1) }
    val warm = minOf(each, if (tasks == 1) 200 else 100)
    inTasks(tasks) { for (index in 0 until warm) subject.insert(items[index]) }
    val took = time { inTasks(tasks) { for (item in items) subject.insert(item) } }
    same(subject.count("log"), (warm + each).toLong() * tasks)
    return took / (each * tasks)
}

/** Rows in one transaction; microseconds per row. */
private suspend fun insertMany(subject: Subject, count: Int): Double {
    subject.execute(CREATE_LOG)
    val items = List(count) { item(it + 1) }
    subject.insertMany(INSERT_LOG, items, withId = false)
    val took = time { subject.insertMany(INSERT_LOG, items, withId = false) }
    same(subject.count("log"), 2L * count)
    return took / count
}

private suspend fun <T> inTasks(tasks: Int, task: suspend (Int) -> T): List<T> =
    if (tasks == 1) listOf(task(0)) else coroutineScope { List(tasks) { async { task(it) } }.awaitAll() }

private inline fun time(what: () -> Unit): Double {
    val start = System.nanoTime()
    what()
    return (System.nanoTime() - start) / 1_000.0
}

/** Checks a sum of weights: a wrong one means that a column was not read. */
private fun same(found: Long, expected: Long) = check(found == expected) { "it adds up to $found, not $expected" }
