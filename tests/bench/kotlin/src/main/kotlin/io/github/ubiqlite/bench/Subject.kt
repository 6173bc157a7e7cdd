package io.github.ubiqlite.bench

/** What is measured, as its users use it. Every row is read into an [Item]. */
interface Subject {
    /** The row of [SELECT_ONE]. */
    suspend fun get(id: Int): Item

    /** The same, where many coroutines do it side by side. */
    suspend fun getBeside(id: Int): Item = get(id)

    /** Every row of [SELECT_ALL], one after another. */
    suspend fun stream(each: (Item) -> Unit)

    /** [INSERT_LOG], committed. */
    suspend fun insert(item: Item)

    /** One statement for each item, in one transaction. */
    suspend fun insertMany(sql: String, items: List<Item>, withId: Boolean)

    suspend fun execute(sql: String)

    suspend fun count(table: String): Long

    suspend fun close()
}
