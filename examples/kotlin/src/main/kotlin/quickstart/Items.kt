package quickstart

import io.github.ubiqlite.Comparison
import io.github.ubiqlite.Database
import io.github.ubiqlite.Order
import io.github.ubiqlite.Statement
import io.github.ubiqlite.Transfer
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.flow

/** One row at a time, without SQL, and selecting rows. */
suspend fun items(db: Database) {
    chapter("Items, one at a time", "A table's operations need no SQL; names are checked.")
    val items = db.table("items")
    val lamp = step("create", { "id $it, its data stored as JSON" }) {
        items.insert("name" to "lamp", "data" to mapOf("watt" to 40), "value" to 19.9)
    }
    val chair = step("create another") { items.insert("name" to "chair", "value" to 49.5) }
    step("get, as a class", { it.toString() }) { items.get(lamp)?.into<Item>() }
    step("get what is not there") { items.get(999) }
    step("get, 10,000 times", { "each awaited before the next" }) { repeat(10_000) { items.get(lamp) } }
    step("the same by 64 coroutines", { "side by side" }) {
        coroutineScope { List(64) { async { repeat(157) { items.get(lamp) } } }.awaitAll() }
    }
    step("update", { "a row changed: $it" }) { items.update(lamp, "status" to "done") }
    step("update no field", { "a row changed: $it; the file was not touched" }) { items.update(lamp) }
    refused("a column of evil name") { items.update(lamp, "status = 'gone' --" to 1) }
    step("insert or update (upsert)") { items.upsert("id" to lamp, "name" to "floor lamp") }
    step("query by status", { rows -> rows.toString() }) { db.query("SELECT id, name FROM items WHERE status = ?", "done") }
    step("filters, order and limit", { rows -> rows.map { it.string("name") }.toString() }) {
        items.select().whereIn("status", listOf("new", "done")).where("value", Comparison.GE, 10)
            .orderBy("value", Order.DESC).limit(5).all()
    }
    step("named parameters, one value", { "the sum is $it" }) {
        db.queryValue<Double>("SELECT sum(value) FROM items WHERE value BETWEEN :low AND :high", "low" to 10, "high" to 100)
    }
    step("delete", { "a row went: $it" }) { items.delete(chair) }
    step("delete it again", { "a row went: $it" }) { items.delete(chair) }
}

/** Many rows in one call and one transaction. */
suspend fun many(db: Database) {
    chapter("Many rows in one call", "One transaction each: all of it happens, or nothing.")
    val items = db.table("items")
    step("insert 1,000 items", { "$it rows; those without data have {}" }) {
        items.insertMany(List(1000) { if (it % 2 == 0) mapOf("name" to "part $it") else mapOf("name" to "part $it", "data" to mapOf("odd" to true)) })
    }
    step("set the status of 5 ids", { "$it rows changed: two of the ids are unknown" }) {
        items.updateMany(listOf(10, 11, 12, 500_000, 500_001), "status" to "archived")
    }
    step("a statement for many rows", { "$it rows, taken from a flow as they are needed" }) {
        db.executeMany("INSERT INTO items (name, value) VALUES (?, ?)", flow { repeat(1000) { emit(listOf("screw $it", 0.01)) } })
    }
    step("several statements", { done -> done.map { it.rowsChanged }.toString() }) {
        db.batch(listOf(Statement("DELETE FROM items WHERE name LIKE ?", "screw %"), Statement("UPDATE items SET value = 1 WHERE value IS NULL")))
    }
    val error = refused("a list with a wrong row") { items.insertMany(listOf(mapOf("name" to "fine"), mapOf("name" to null))) }
    println("   the row with index ${error.index} of the list; nothing was inserted")
}

/** Money from one row to another. */
suspend fun transfers(db: Database) {
    chapter("Transfers", "Both rows must be there, and all of a list happens, or nothing.")
    val accounts = db.table("accounts")
    accounts.insertMany(listOf(mapOf("id" to 1, "balance" to 100), mapOf("id" to 2, "balance" to 50)))
    step("transfer 30", { "done" }) { accounts.transfer("balance", listOf(Transfer(1, 2, 30))) }
    refused("to nobody") { accounts.transfer("balance", listOf(Transfer(1, 99, 30))) }
    refused("more than there is") { accounts.transfer("balance", listOf(Transfer(1, 2, 1000))) }
    step("the accounts") { db.query("SELECT * FROM accounts") }
}
