package io.github.ubiqlite.bench

import io.github.ubiqlite.Database
import io.github.ubiqlite.Row
import io.github.ubiqlite.Synchronous
import io.github.ubiqlite.r2dbc.UbiqliteConnectionFactory

class Ubiqlite private constructor(private val db: Database) : Subject {
    override suspend fun get(id: Int): Item = itemOf(db.queryOne(SELECT_ONE, id))

    override suspend fun stream(each: (Item) -> Unit) = db.stream(SELECT_ALL).collect { each(itemOf(it)) }

    override suspend fun insert(item: Item) {
        db.execute(INSERT_LOG, item.name, item.data, item.status, item.value)
    }

    override suspend fun insertMany(sql: String, items: List<Item>, withId: Boolean) {
        db.executeMany(
            sql,
            items.map { if (withId) listOf(it.id, it.name, it.data, it.status, it.value) else listOf(it.name, it.data, it.status, it.value) },
        )
    }

    override suspend fun execute(sql: String) {
        db.execute(sql)
    }

    override suspend fun count(table: String): Long = db.queryValue("SELECT count(*) FROM $table")

    override suspend fun close() = db.close()

    private fun itemOf(row: Row) = Item(row.long(0), row.string(1), row.string(2), row.string(3), row.double(4))

    companion object {
        suspend fun open(path: String, full: Boolean): Subject = Ubiqlite(database(path, full))

        suspend fun openByR2dbc(path: String): Subject {
            val db = database(path, full = false)
            return R2dbc.on(Ubiqlite(db), UbiqliteConnectionFactory.of(db))
        }

        private suspend fun database(path: String, full: Boolean) = Database.open(path) {
            synchronous = if (full) Synchronous.FULL else Synchronous.NORMAL
            cacheKib = CACHE_KIB
            readers = READERS
        }
    }
}
