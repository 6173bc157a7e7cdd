package io.github.ubiqlite.bench.live

import io.github.ubiqlite.Database
import io.github.ubiqlite.Synchronous
import io.github.ubiqlite.bench.CACHE_KIB
import io.github.ubiqlite.bench.READERS
import io.github.ubiqlite.mapRows
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.map

class UbiqliteLive private constructor(private val db: Database) : LiveSubject {
    override suspend fun execute(sql: String) {
        db.execute(sql)
    }

    override suspend fun update(id: Int, text: String): Long {
        db.execute(UPDATE, text, id)
        return System.nanoTime()
    }

    override fun text(id: Int): Flow<List<String>> =
        db.watch(SELECT_TEXT, id).mapRows { it.string(0) }.map { it.rows }

    override fun part(part: Int): Flow<List<Line>> =
        db.watch(SELECT_PART, part)
            .mapRows { Line(it.long(0), it.long(1), it.string(2), it.string(3)) }
            .map { it.rows }

    override suspend fun close() = db.close()

    companion object {
        suspend fun open(path: String): LiveSubject = UbiqliteLive(
            Database.open(path) {
                synchronous = Synchronous.NORMAL
                cacheKib = CACHE_KIB
                readers = READERS
            },
        )
    }
}
