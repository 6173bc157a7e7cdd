package io.github.ubiqlite.spec

import java.io.File
import java.nio.file.Files
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

/**
 * The scenarios of `tests/spec`, one test per scenario. Every need is met here, so none is
 * skipped. `-Dubiqlite.words=transfer,cancel` selects scenarios by words.
 */
class SpecTest {
    private val folder = File(System.getProperty("ubiqlite.spec"))
    private val fixtures = json("fixtures")

    @TestFactory
    fun scenarios(): List<DynamicTest> {
        val words = System.getProperty("ubiqlite.words").orEmpty().split(',')
        val subjects = folder.list().orEmpty().filter { it.endsWith(".json") && it != "fixtures.json" }.sorted()
        val tests = subjects.flatMap { file ->
            json(file.removeSuffix(".json")).getValue("scenarios").jsonArray.map { scenario ->
                val fields = scenario.jsonObject
                val title = "${file.removeSuffix(".json")}: ${(fields.getValue("name") as JsonPrimitive).content}"
                DynamicTest.dynamicTest(title) { run(fields) }
            }
        }
        assertTrue(tests.size > 300, "only ${tests.size} scenarios in $folder")
        return tests.filter { test -> words.any { it in test.displayName } }
    }

    private fun json(name: String): JsonObject = Json.parseToJsonElement(File(folder, "$name.json").readText()).jsonObject

    private fun run(scenario: JsonObject) = runBlocking(Dispatchers.Default) {
        val root = Files.createTempDirectory("ubiqlite-spec-").toFile()
        val world = World(root)
        try {
            withTimeout(30.seconds) {
                world.prepare(scenario["open"], setupOf(scenario))
                Scope(world, HashMap(), emptyList()).run(scenario.getValue("steps").jsonArray)
                world.close()
            }
        } catch (late: TimeoutCancellationException) {
            throw Failure("is not over after 30 s: ${late.message}")
        } catch (exit: Escape) {
            throw Failure("an error left the scenario: ${tell(exit.error)}")
        } finally {
            withContext(NonCancellable) { runCatching { world.close() } }
            root.deleteRecursively()
        }
    }

    private fun setupOf(scenario: JsonObject): List<String> {
        val given = scenario["given"]?.jsonArray.orEmpty().flatMap { fixtures.getValue((it as JsonPrimitive).content).jsonArray }
        return (given + scenario["setup"]?.jsonArray.orEmpty()).map { (it as JsonPrimitive).content }
    }
}
