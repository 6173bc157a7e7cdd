package io.github.ubiqlite

import kotlinx.coroutines.*
import kotlinx.coroutines.flow.*
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path

@Serializable
data class Lamp(val watt: Int)

@Serializable
data class Thing(val id: Long, val name: String, val data: Lamp? = null, val value: Double? = null)

class FirstTest {
    @Test
    fun works(@TempDir dir: Path) = runBlocking {
        Database.open(dir.resolve("a.db").toString()).use { db ->
            db.batch("CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT, status TEXT, value REAL)")
            val id = db.table("items").insert("name" to "lamp", "data" to mapOf("watt" to 40))
            assertEquals(1L, id)
            println(db.query("SELECT * FROM items"))
            println(db.queryOne("SELECT * FROM items WHERE id = ?", 1).into<Thing>())
            println(db.queryValue<Long>("SELECT count(*) FROM items"))
            println(db.stream("SELECT * FROM items").toList())
            db.transaction { tx -> tx.execute("INSERT INTO items(name) VALUES (:n)", "n" to "x") }
            println(db.queryValue<Long>("SELECT count(*) FROM items"))
        }
    }

    @Test
    fun speed(@TempDir dir: Path) = runBlocking(Dispatchers.Default) {
        Database.open(dir.resolve("a.db").toString()).use { db ->
            db.batch("CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT, status TEXT, value REAL)")
            db.table("items").insertMany((1..100000).map { mapOf("name" to "lamp $it", "data" to "{\"a\":$it}", "status" to "new", "value" to it * 0.5) })
            repeat(5) {
                val n = 200000
                val t = System.nanoTime()
                var sum = 0L
                repeat(n) { i -> val row = db.queryOne("SELECT id, name, data, status, value FROM items WHERE id = ?", (i * 7919L) % 100000 + 1); sum += row.long("id") + row.string("name").length }
                println("read ${(System.nanoTime() - t) / n} ns $sum")
                val s = System.nanoTime()
                var c = 0
                db.stream("SELECT id, name, data, status, value FROM items").collect { row -> c += row.string("name").length }
                println("stream ${(System.nanoTime() - s) / 100000} ns $c")
            }
        }
    }
}
