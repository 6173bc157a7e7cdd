package io.github.ubiqlite.bench

/** The same 100,000 rows as in the Rust benchmark (`tests/bench/common/src/item.rs`), derived from their ids alone. */
class Item(val id: Long, val name: String, val data: String, val status: String, val value: Double)

/** Rows in the table `items`. */
const val ROWS = 100_000

private val WORDS = listOf(
    "lamp", "table", "chair", "shelf", "mirror", "carpet", "kettle", "teapot",
    "basket", "candle", "pillow", "blanket", "cushion", "drawer", "bench", "stool",
)
private val COLOURS = listOf("red", "green", "blue", "white", "black", "amber", "violet", "brown")
private val STATUSES = listOf("new", "active", "done", "archived")

/** Random numbers below a limit (xorshift64), from a seed. */
class Sequence(seed: Long) {
    // Spread small seeds over the whole word; xorshift must not start at 0.
    private var state = ((seed + 1) * -0x61c8_8646_80b5_83ebL) or 1L

    fun below(limit: Int): Int {
        state = state xor (state shl 13)
        state = state xor (state ushr 7)
        state = state xor (state shl 17)
        return ((state ushr 20) % limit).toInt()
    }
}

/** Returns the row with this id. */
fun item(id: Int): Item {
    val pick = Sequence(id.toLong())
    val word = WORDS[pick.below(16)]
    val colour = COLOURS[pick.below(8)]
    val watt = pick.below(200)
    val stock = pick.below(10_000)
    return Item(
        id.toLong(),
        "$word ${id.toString().padStart(6, '0')}",
        """{"watt":$watt,"colour":"$colour","stock":$stock,"new":true}""",
        STATUSES[pick.below(4)],
        pick.below(1_000_000) / 100.0,
    )
}

/** Returns the first [count] random ids of a seed; called before the clock starts. */
fun ids(seed: Int, count: Int): IntArray {
    val pick = Sequence(seed.toLong())
    return IntArray(count) { pick.below(ROWS) + 1 }
}

/**
 * Returns an integer that depends on all five columns, and on the end of each text. The
 * benchmarks sum it over the rows read; a wrong sum shows that something was skipped.
 */
fun weight(item: Item): Long =
    item.id + 3 * text(item.name) + 5 * text(item.data) + 7 * text(item.status) + 11 * Math.round(item.value * 100)

private fun text(value: String): Long = 256L * value.length + value[value.length - 1].code

/** The weights of all rows, to check sums against. */
val WEIGHTS: LongArray by lazy { LongArray(ROWS + 1) { if (it == 0) 0 else weight(item(it)) } }

private const val COLUMNS =
    "id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL, status TEXT NOT NULL, value REAL NOT NULL"

/** The table that is read, and the one that is written. */
const val CREATE_ITEMS = "CREATE TABLE IF NOT EXISTS items($COLUMNS)"
const val CREATE_LOG = "CREATE TABLE IF NOT EXISTS log($COLUMNS)"
const val SELECT_ONE = "SELECT id, name, data, status, value FROM items WHERE id = ?"
const val SELECT_ALL = "SELECT id, name, data, status, value FROM items"
const val INSERT_ITEM = "INSERT INTO items(id, name, data, status, value) VALUES (?, ?, ?, ?, ?)"
const val INSERT_LOG = "INSERT INTO log(name, data, status, value) VALUES (?, ?, ?, ?)"

/** The page cache of every subject: the data set fits in. */
const val CACHE_KIB = 64 * 1024

/** Connections that read side by side, of every subject. */
const val READERS = 4
