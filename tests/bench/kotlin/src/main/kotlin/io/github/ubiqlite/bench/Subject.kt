package io.github.ubiqlite.bench

/** A library under measurement, used as its users do. Every row is read into an [Item]. */
interface Subject {
    /** Returns the row of [SELECT_ONE]. */
    suspend fun get(id: Int): Item

    /** The same, when many coroutines call it concurrently. */
    suspend fun getBeside(id: Int): Item = get(id)

    /** Passes every row of [SELECT_ALL] to [each], one after another. */
    suspend fun stream(each: (Item) -> Unit)

    /** Runs [INSERT_LOG], committed. */
    suspend fun insert(item: Item)

    /** Runs one statement for each item, in one transaction. */
    suspend fun insertMany(sql: String, items: List<Item>, withId: Boolean)

    suspend fun execute(sql: String)

    suspend fun count(table: String): Long

    suspend fun close()
}
