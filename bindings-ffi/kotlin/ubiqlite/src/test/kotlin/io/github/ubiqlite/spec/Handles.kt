package io.github.ubiqlite.spec

import io.github.ubiqlite.Comparison
import io.github.ubiqlite.Database
import io.github.ubiqlite.Mode
import io.github.ubiqlite.Nest
import io.github.ubiqlite.Order
import io.github.ubiqlite.Reader
import io.github.ubiqlite.Replica
import io.github.ubiqlite.Row
import io.github.ubiqlite.Savepoint
import io.github.ubiqlite.Select
import io.github.ubiqlite.Session
import io.github.ubiqlite.Snapshot
import io.github.ubiqlite.Statements
import io.github.ubiqlite.Table
import io.github.ubiqlite.Transaction
import io.github.ubiqlite.Update
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.JsonObject

/** Makes a call and awaits it. */
internal suspend fun settle(call: suspend () -> Any?): Outcome {
    val result = try {
        call()
    } catch (failure: Failure) {
        throw failure
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (error: Throwable) {
        return Outcome(null, error)
    }
    return Outcome(dataOf(result))
}

/** Makes the call of a step on a handle; [rest] is for the steps inside. */
internal suspend fun make(step: Step, target: Any, rest: Scope): Outcome {
    if (target is ReceiveChannel<*>) return settle { next(step, target) }
    if (target is Watching<*>) return nextResult(step, target, rest)
    if (target is Replica) return onReplica(step, target)
    if (target is Sending) return onOutbox(step, target, rest)
    val on = step.number("timeout")?.let { limited(target as Reader, it) } ?: target as Reader
    if (step.has("table")) {
        val name = step.text("table")
        return onTable(step, if (on is Snapshot) on.table(name) else (on as Statements).table(name), rest)
    }
    return when (step.method) {
        "stream" -> streamed(step, rest) { step.everything(on.stream(step.text("sql"), *step.params())) }
        "watch" -> watched(step, rest) {
            val (sql, params) = step.text("sql") to step.params()
            val key = if (step.has("key")) step.texts("key") else emptyList()
            step.everythingWasUsed()
            val db = on as? Database ?: wrong(step)
            // The two ways to write a key.
            if (key.size > 1) db.watch(sql, *params, key = key) else db.watch(sql, *params, key = key.singleOrNull())
        }
        "watch_all" -> {
            val queries = step.queries()
            step.everythingWasUsed()
            val db = on as? Database ?: wrong(step)
            watchedTogether(step, rest) { db.watchAll(*queries.toTypedArray()) }
        }
        "outbox" -> outbox(step, on, rest)
        "transaction", "savepoint" -> block(step, on, rest)
        "begin", "begin_savepoint", "acquire", "snapshot" -> hold(step, on, rest)
        else -> settle { simple(step, on) }
    }
}

private fun <T> Step.everything(made: T): T = made.also { everythingWasUsed() }

private fun limited(target: Reader, millis: Long): Reader = when (target) {
    is Database -> target.timeout(millis.milliseconds)
    is Session -> target.timeout(millis.milliseconds)
    is Snapshot -> target.timeout(millis.milliseconds)
    is Transaction -> target.timeout(millis.milliseconds)
    is Savepoint -> target.timeout(millis.milliseconds)
}

private suspend fun next(step: Step, rows: ReceiveChannel<*>): Any? {
    if (step.method != "next") throw Failure("a stream has no method ${step.method}")
    step.everythingWasUsed()
    val result = rows.receiveCatching()
    result.exceptionOrNull()?.let { throw it }
    return result.getOrNull()
}

private suspend fun simple(step: Step, on: Reader): Any? {
    fun sql() = step.text("sql")
    fun params() = step.params().also { step.everythingWasUsed() }
    fun <T> ready(made: T) = step.everything(made)
    val statements = on as? Statements
    return when (step.method) {
        "query" -> on.query(sql(), *params())
        "query_one" -> on.queryOne(sql(), *params())
        "query_optional" -> on.queryOptional(sql(), *params())
        "query_value" -> on.queryValue<Any?>(sql(), *params())
        "execute" -> (statements ?: wrong(step)).execute(sql(), *params())
        "execute_many" -> (statements ?: wrong(step)).executeMany(sql(), ready(step.each()))
        "batch" -> (statements ?: wrong(step)).run {
            if (step.has("script")) batch(ready(step.text("script"))) else batch(ready(step.statements()))
        }
        "commit" -> ready(on as? Transaction ?: wrong(step)).commit()
        "rollback" -> ready(on as? Nest ?: wrong(step)).rollback()
        "release" -> ready(on as? Savepoint ?: wrong(step)).release()
        "close" -> ready(on as? Database ?: wrong(step)).close()
        "touch" -> (on as? Database ?: wrong(step)).touch(*ready(step.texts("tables")).toTypedArray())
        "check" -> ready(on as? Database ?: wrong(step)).check()
        "stats" -> ready(on as? Database ?: wrong(step)).stats()
        "migrations" -> migrate(step, on as? Database ?: wrong(step))
        "capabilities" -> ready(on as? Database ?: wrong(step)).capabilities()
        "apply" -> {
            val (bytes, policy) = step.changes() to step.policy()
            val tables = ready(if (step.has("tables")) step.policies() else emptyMap())
            if (on is Transaction) on.apply(bytes, policy, tables) else (on as? Database ?: wrong(step)).apply(bytes, policy, tables)
        }
        "interrupt" -> if (ready(on) is Session) on.let { (it as Session).interrupt() } else (on as Database).interrupt()
        else -> wrong(step)
    }
}

private fun wrong(step: Step): Nothing = throw Failure("the handle has no method ${step.method}")

private suspend fun onTable(step: Step, table: Table, rest: Scope): Outcome {
    fun <T> ready(made: T) = step.everything(made)
    if (step.method == "stream") return streamed(step, rest) { ready(table).stream() }
    if (step.method == "select") {
        val select = selection(step, table)
        val end = step.word("end") ?: "all"
        step.everythingWasUsed()
        if (end == "watch") return watched(step, rest) { select.watch() }
        if (end == "stream") return streamed(step, rest) { select.stream() }
        return settle {
            when (end) {
                "all" -> select.all()
                "first" -> select.first()
                "count" -> select.count()
                else -> throw Failure("no selection ends by \"$end\"")
            }
        }
    }
    return settle {
        when (step.method) {
            "insert" -> step.record().let { table.insert(*ready(it).toList().toTypedArray()) }
            "upsert" -> table.upsert(ready(step.record()))
            "insert_many" -> table.insertMany(ready(step.records()))
            "get" -> table.get(ready(step.key()))
            "update" -> (step.key() to step.record()).let { (key, record) -> table.update(key, ready(record)) }
            "delete" -> table.delete(ready(step.key()))
            "update_many" -> (step.keys() to step.record()).let { (keys, record) -> table.updateMany(keys, ready(record)) }
            "count" -> ready(table).count()
            "transfer" -> (step.text("column") to step.transfers()).let { (column, all) -> table.transfer(column, ready(all)) }
            else -> throw Failure("a table has no method ${step.method}")
        }
    }
}

private fun selection(step: Step, table: Table): Select {
    var select = table.select()
    if (step.has("where")) {
        for (filter in list(step.data("where")).map(::list)) {
            val (column, comparison) = filter.map { it as? String }
            when (comparison) {
                "null" -> select = select.whereNull(column!!)
                "not_null" -> select = select.whereNotNull(column!!)
                "in" -> select = select.whereIn(column!!, list(filter[2]).map(::toValue))
                // The short form is the most common one.
                "eq" -> select = select.where(column!!, toValue(filter[2]))
                else -> select = select.where(column!!, Comparison.valueOf(comparison!!.uppercase()), toValue(filter[2]))
            }
        }
    }
    if (step.has("order_by")) {
        for (order in list(step.data("order_by"))) {
            val (column, direction) = list(order).map(::text)
            select = select.orderBy(column, Order.valueOf(direction.uppercase()))
        }
    }
    step.number("limit")?.let { select = select.limit(it) }
    step.number("offset")?.let { select = select.offset(it) }
    return select
}

/** Reads a stream to its end, or keeps it open for the steps of the call. */
private suspend fun streamed(step: Step, rest: Scope, begin: () -> Flow<Row>): Outcome {
    if (!step.has("steps")) return settle { begin().toList() }
    // A separate job: `next` reports an error of the stream, which ends nothing else.
    val reading = Job()
    val rows = begin().buffer(Channel.RENDEZVOUS).produceIn(CoroutineScope(currentCoroutineContext() + reading))
    try {
        rest.with(step, rows)
    } finally {
        withContext(NonCancellable) { reading.cancelAndJoin() }
    }
    return Outcome(null)
}

/** Keeps a watch for the steps of the call. */
private suspend fun watched(step: Step, rest: Scope, begin: () -> Flow<Update<Row>>): Outcome {
    val results = Results()
    return watching(step, rest) { scope -> Watching(begin(), scope, results::take) }
}

/** The same for several queries, whose results come together. */
private suspend fun watchedTogether(step: Step, rest: Scope, begin: () -> Flow<List<Update<Row>>>): Outcome {
    val results = ArrayList<Results>()
    val take = { updates: List<Update<Row>> ->
        if (results.isEmpty()) repeat(updates.size) { results += Results() }
        if (updates.size != results.size || updates.any { it.moment != updates[0].moment }) throw Failure("the results are not of one moment")
        ResultsOfAll(updates.mapIndexed { query, update -> results[query].take(update).let { mapOf("rows" to it.rows) + it.diff } })
    }
    return watching(step, rest) { scope -> Watching(begin(), scope, take) }
}

private suspend fun watching(step: Step, rest: Scope, begin: (CoroutineScope) -> Watching<*>): Outcome {
    val collecting = Job()
    // Unconfined, so that the next result has been requested when whoever asks for it goes on.
    val watch = begin(CoroutineScope(currentCoroutineContext() + collecting + Dispatchers.Unconfined))
    try {
        rest.with(step, watch)
    } finally {
        withContext(NonCancellable) { collecting.cancelAndJoin() }
    }
    return Outcome(null)
}

/** Waits for the next result of a watch. Steps that run meanwhile begin when it waits. */
private suspend fun nextResult(step: Step, watch: Watching<*>, rest: Scope): Outcome {
    if (step.method != "next") throw Failure("a watch has no method ${step.method}")
    val next = watch.next()
    rest.meanwhile(step)
    step.everythingWasUsed()
    return settle { next.await() }
}

/** Runs the block form of a transaction or savepoint. */
private suspend fun block(step: Step, on: Reader, rest: Scope): Outcome {
    val mode = step.mode()
    step.everythingWasUsed()
    val token = Any()
    var runs = 0
    var exit: Throwable? = null
    val inside: suspend (Any) -> Any = { handle ->
        runs += 1
        try {
            rest.with(step, handle)
        } catch (thrown: Throwable) {
            exit = thrown
            throw if (thrown is Escape) thrown.error else thrown
        }
        token
    }
    val outcome = try {
        val answer = when {
            step.method == "savepoint" -> (on as Nest).savepoint(inside)
            on is Session -> if (mode == null) on.transaction(body = inside) else on.transaction(mode, inside)
            else -> (on as Database).let { if (mode == null) it.transaction(body = inside) else it.transaction(mode, inside) }
        }
        if (answer !== token) throw Failure("does not answer what its block returns")
        Outcome(null)
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (error: Throwable) {
        if (error is Failure) throw error
        Outcome(null, error)
    }
    if (runs > 1) throw Failure("ran its block $runs times")
    val escaped = (exit as? Escape)?.error
    if (exit != null && outcome.error !== (escaped ?: exit)) {
        throw Failure("gave another error than the one that left its block: ${outcome.error}")
    }
    return outcome
}

/** Runs the steps of a call while the handle that it returned is open. */
private suspend fun hold(step: Step, on: Reader, rest: Scope): Outcome {
    val mode = step.mode() ?: Mode.IMMEDIATE
    step.everythingWasUsed()
    val handle: AutoCloseable = try {
        when (step.method) {
            "begin" -> if (on is Session) on.begin(mode) else (on as Database).begin(mode)
            "begin_savepoint" -> (on as Nest).beginSavepoint()
            "acquire" -> (on as Database).acquire()
            else -> (on as Database).snapshot()
        }
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (error: Throwable) {
        return Outcome(null, error)
    }
    handle.use { rest.with(step, it) }
    return Outcome(null)
}

/** Opens a database. */
internal suspend fun open(step: Step, world: World): Outcome {
    val path = step.text("path")
    val options = step.get("options") as JsonObject?
    step.everythingWasUsed()
    return settle {
        world.databases[step.alias] = world.open(path, options)
        null
    }
}

/** Saves what can be read of a database, in another file of the scenario's directory. */
internal suspend fun recover(step: Step, on: Any, world: World): Outcome {
    val path = world.locate(step.text("path"))
    step.everythingWasUsed()
    return settle { (on as? Database ?: wrong(step)).recover(path) }
}
