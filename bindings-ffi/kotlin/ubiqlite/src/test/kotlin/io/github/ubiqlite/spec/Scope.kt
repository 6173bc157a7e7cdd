package io.github.ubiqlite.spec

import io.github.ubiqlite.Snapshot
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.measureTime
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.supervisorScope
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject

/** How long a cancelled call may take to end. It ends at once, but machines can be slow. */
private const val AT_ONCE = 2000L

/** What steps can see: databases, named values and named handles. */
internal class Scope(
    private val world: World,
    private val names: MutableMap<String, Any?>,
    private val frames: List<Pair<String, Any>>,
) {
    /** Runs the steps of a call with the handle that it returned. */
    suspend fun with(step: Step, handle: Any) =
        Scope(world, names.toMutableMap(), frames + (step.alias to handle)).run(step.steps())

    /** Runs the steps that a call runs while it waits. */
    suspend fun meanwhile(step: Step) = Scope(world, names.toMutableMap(), frames).run(step.meanwhile())

    /** Runs the steps one after another. */
    suspend fun run(steps: List<JsonElement>) {
        steps.forEachIndexed { index, step ->
            try {
                step(step.jsonObject)
            } catch (failure: Failure) {
                throw Failure("step ${index + 1} ${step.toString().take(300)}\n    ${failure.message}")
            }
        }
    }

    private suspend fun step(step: JsonObject) {
        val kind = listOf("call", "make", "together", "pause", "throw").singleOrNull { it in step } ?: throw Failure("is no step")
        when (kind) {
            "call" -> call(Step(step, names))
            "make" -> world.make(step)
            "together" -> together(step)
            "pause" -> delay((step.getValue("pause") as JsonPrimitive).content.toLong())
            else -> throw Escape(Thrown((step.getValue("throw") as JsonPrimitive).content))
        }
    }

    private suspend fun call(step: Step) {
        val patience = step.number("cancel")
        if (patience != null) return giveUp(step, patience)
        val outcome = dispatch(step)
        if (step.has("escapes")) throw Escape(outcome.error ?: throw Failure("expected an error, found ${show(outcome.found)}"))
        check(step, outcome, world::nameOf)
        if (step.alias.isNotEmpty() && !step.has("steps") && step.method != "open" && outcome.error == null) {
            names[step.alias] = outcome.found
        }
    }

    /** Cancels the coroutine that makes the call: it ends at once. */
    private suspend fun giveUp(step: Step, patience: Long) = supervisorScope {
        val calling = async(start = CoroutineStart.UNDISPATCHED) { dispatch(step) }
        delay(patience)
        if (calling.isCompleted) {
            val outcome = calling.await()
            throw Failure("ended before it was given up: ${outcome.error?.let(::tell) ?: show(outcome.found)}")
        }
        val taken = measureTime { calling.cancelAndJoin() }
        if (!calling.isCancelled) throw Failure("was given up, and goes on")
        if (taken > AT_ONCE.milliseconds) throw Failure("was given up, and says so after $taken")
    }

    /** Makes a call on the handle that it names, or on a database. */
    private suspend fun dispatch(step: Step): Outcome {
        // The innermost handle of this name; the others remain for the steps inside.
        val own = frames.lastOrNull { it.first == step.on }
        val rest = Scope(world, names.toMutableMap(), frames)
        if (own == null && step.method == "open") return open(step, world)
        if (own == null && step.method == "restore_replica") return restoreReplica(step, world)
        val target = own?.second ?: world.databases[step.on] ?: throw Failure("no handle has the name \"${step.on}\"")
        if (step.method == "recover") return recover(step, target, world)
        if (step.method == "replicate") return replicate(step, target, rest, world)
        return make(step, target, rest)
    }

    /** Runs the children side by side, all of them started before any is awaited. */
    private suspend fun together(step: JsonObject) = supervisorScope {
        val children = step.getValue("together").jsonArray
        val times = (step["times"] as JsonPrimitive?)?.content?.toInt() ?: 1
        val shared = frames.filter { it.second is Snapshot }
        val running = List(times) { children }.flatten().map { child ->
            val scope = Scope(world, names.toMutableMap(), shared)
            async(start = CoroutineStart.UNDISPATCHED) { scope.run(child as? JsonArray ?: listOf(child)) }
        }
        val ended = running.map { runCatching { it.await() } }
        ended.firstNotNullOfOrNull { it.exceptionOrNull() }?.let { first ->
            throw if (first is Escape) Failure("an error left steps that run together: ${tell(first.error)}") else first
        }
    }
}
