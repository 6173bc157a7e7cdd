package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.ErrorKind
import io.github.ubiqlite.Statement
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.withDatabase
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** The guide's page about live queries. */
class LiveGuideTest {
    private fun withItems(test: suspend (Database) -> Unit) = withDatabase { db ->
        db.batch(
            """
            CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL);
            INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'sold');
            """,
        )
        test(db)
    }

    @Test
    fun `a result follows the data`() = withItems { db ->
        val shown = mutableListOf<Pair<List<String>, List<Int>>>()
        val sql = "SELECT id, name FROM items WHERE status = ?"

        suspend fun show(names: List<String>, added: List<Int>) {
            shown += names to added
            if (shown.size == 1) db.execute("UPDATE items SET status = 'new' WHERE id = 2") else db.close()
        }
        // #region watch
        val live = db.watch(sql, "new", key = "id")

        live.collect { now ->
            show(now.rows.map { it.string("name") }, now.added) // positions, as in now.removed, now.updated
        }
        // #endregion watch
        assertEquals(listOf(listOf("lamp") to listOf(0), listOf("lamp", "sofa") to listOf(1)), shown)
    }

    @Test
    fun `a selection is watched by its rows`() = withItems { db ->
        // #region select
        val live = db.table("items").select().where("status", "new").watch()
        val now = live.first()
        assertEquals(1, now.rows.size)
        // #endregion select
    }

    @Test
    fun `two results are of one moment`() = withItems { db ->
        // #region all
        val live = db.watchAll(
            Statement("SELECT id, name FROM items").key("id"),
            Statement("SELECT count(*) FROM items WHERE status = ?", "sold"),
        )
        val (all, sold) = live.first()
        assertEquals(listOf(2L, 1L), listOf(all.rows.size.toLong(), sold.rows[0].long(0)))
        // #endregion all
        assertEquals(listOf(0, 1), all.added)
    }

    @Test
    fun `a cache forgets what a commit has changed`() = withItems { db ->
        val cache = mutableMapOf<Any?, String>(1L to "lamp", 2L to "sofa")
        val first = CompletableDeferred<Unit>()
        coroutineScope {
            val following = launch(start = CoroutineStart.UNDISPATCHED) {
                // #region commits
                db.commits("items").collect { commit ->
                    for (table in commit.tables) {
                        table.rows?.forEach { cache.remove(it.key) } ?: cache.clear()
                    }
                    if (commit.everything) cache.clear()
                    // #endregion commits
                    first.complete(Unit)
                }
            }
            db.execute("UPDATE items SET status = 'sold' WHERE id = 1")
            first.await()
            following.cancel()
        }
        assertEquals(mapOf<Any?, String>(2L to "sofa"), cache)
    }

    @Test
    fun `what writes is refused`() = withItems { db ->
        // #region refused
        val error = assertFailsWith<UbiqliteException> { db.watch("DELETE FROM items").collect {} }
        assertEquals(ErrorKind.Unsupported, error.kind)
        // #endregion refused
        assertEquals(2L, db.queryValue<Long>("SELECT count(*) FROM items"))
    }
}
