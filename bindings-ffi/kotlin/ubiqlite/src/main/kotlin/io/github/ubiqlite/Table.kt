package io.github.ubiqlite

import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.CallTarget
import io.github.ubiqlite.internal.Reply
import io.github.ubiqlite.internal.Writer
import io.github.ubiqlite.internal.indexed
import io.github.ubiqlite.internal.key
import io.github.ubiqlite.internal.known
import io.github.ubiqlite.internal.record
import io.github.ubiqlite.internal.rows
import io.github.ubiqlite.internal.sendMany
import io.github.ubiqlite.internal.value
import kotlinx.coroutines.flow.Flow
import kotlinx.serialization.SerializationStrategy
import kotlinx.serialization.modules.SerializersModule
import kotlinx.serialization.serializer

/**
 * A table, or a view to read from. Its name and column names are checked against the
 * schema and quoted, so that no name can become SQL. An unknown name fails with `NoSuchTable`
 * or `NoSuchColumn` before anything runs. Rows are identified by their primary key, whatever
 * it is called; by the rowid in a table without one. A key of several columns is a [Key].
 *
 * ```kotlin
 * val items = db.table("items")
 * val id = items.insert("name" to "lamp", "data" to mapOf("watt" to 40))
 * items.update(id, "status" to "done")
 * val done = items.select().where("status", "done").orderBy("id").all()
 * ```
 */
public class Table internal constructor(
    private val target: CallTarget,
    /** The table's name. */
    public val name: String,
) {
    /**
     * Inserts a row and returns its key: a [Long], whatever value the primary key has, or
     * a [Key]. Columns that are not named get their defaults.
     *
     * @throws UbiqliteException `NoSuchTable`, `NoSuchColumn`, and the errors of violated constraints
     */
    public suspend fun insert(vararg fields: Pair<String, Any?>): Any? = ask(Op.INSERT) { it.record(fields) }.key()

    /** Like the other [insert], from a map. */
    public suspend fun insert(fields: Map<String, Any?>): Any? = ask(Op.INSERT) { it.record(fields) }.key()

    /**
     * Inserts a row from an object of a class that kotlinx.serialization knows. Each
     * property goes to the column with its name, even if it has its default value. A list,
     * map or class inside is written as JSON text.
     *
     * ```kotlin
     * val id = items.insert(Item(id = null, name = "lamp"))     // a key that is null is given by SQLite
     * ```
     * @throws UbiqliteException as the other [insert]; `InvalidArgument` for a type that is not a class with
     * properties, or has no serializer
     */
    public suspend inline fun <reified T : Any> insert(row: T): Any? = insert(known(T::class) { serializers.serializer<T>() }, row)

    /** Like the other [insert], with an explicit serializer. */
    public suspend fun <T : Any> insert(serializer: SerializationStrategy<T>, row: T): Any? =
        ask(Op.INSERT) { it.record(serializer, row) }.key()

    /**
     * Inserts a row or, if one with its primary key exists, sets the named columns of that
     * row; returns the key.
     */
    public suspend fun upsert(vararg fields: Pair<String, Any?>): Any? = ask(Op.UPSERT) { it.record(fields) }.key()

    /** Like the other [upsert], from a map. */
    public suspend fun upsert(fields: Map<String, Any?>): Any? = ask(Op.UPSERT) { it.record(fields) }.key()

    /** Like the other [upsert], from an object: see [insert]. */
    public suspend inline fun <reified T : Any> upsert(row: T): Any? = upsert(known(T::class) { serializers.serializer<T>() }, row)

    /** Like the other [upsert], with an explicit serializer. */
    public suspend fun <T : Any> upsert(serializer: SerializationStrategy<T>, row: T): Any? =
        ask(Op.UPSERT) { it.record(serializer, row) }.key()

    /**
     * Inserts rows, all or none, and returns how many. They may name different columns.
     *
     * @throws UbiqliteException whose `index` identifies the row
     */
    public suspend fun insertMany(rows: Iterable<Map<String, Any?>>): Long =
        sendMany(target, Op.INSERT_MANY, { it.text(name) }, { out, row -> out.record(row) }, rows.iterator())

    /** Like the other [insertMany], from a flow, which is collected as fast as the engine takes it. */
    public suspend fun insertMany(rows: Flow<Map<String, Any?>>): Long =
        sendMany(target, Op.INSERT_MANY, { it.text(name) }, { out, row -> out.record(row) }, rows)

    /** Like the other [insertMany], from objects: see [insert]. */
    @JvmName("insertRows")
    public suspend inline fun <reified T : Any> insertMany(rows: Iterable<T>): Long =
        insertMany(known(T::class) { serializers.serializer<T>() }, rows)

    /** Like the other [insertMany], with an explicit serializer. */
    public suspend fun <T : Any> insertMany(serializer: SerializationStrategy<T>, rows: Iterable<T>): Long =
        sendMany(target, Op.INSERT_MANY, { it.text(name) }, { out, row -> out.record(serializer, row) }, rows.iterator())

    /** Like the other [insertMany], from a flow of objects: see [insert]. */
    @JvmName("insertRows")
    public suspend inline fun <reified T : Any> insertMany(rows: Flow<T>): Long =
        insertMany(known(T::class) { serializers.serializer<T>() }, rows)

    /** Like the other [insertMany], with an explicit serializer. */
    public suspend fun <T : Any> insertMany(serializer: SerializationStrategy<T>, rows: Flow<T>): Long =
        sendMany(target, Op.INSERT_MANY, { it.text(name) }, { out, row -> out.record(serializer, row) }, rows)

    /** Returns the row with this key, or null. */
    public suspend fun get(key: Any?): Row? = ask(Op.GET) { it.key(key) }.rows().firstRow()

    /**
     * Sets the named columns of a row and returns whether there is such a row. Without
     * columns it returns false and changes nothing.
     */
    public suspend fun update(key: Any?, vararg fields: Pair<String, Any?>): Boolean = ask(Op.UPDATE) {
        it.key(key)
        it.record(fields)
    }.bool()

    /** Like the other [update], from a map. */
    public suspend fun update(key: Any?, fields: Map<String, Any?>): Boolean = ask(Op.UPDATE) {
        it.key(key)
        it.record(fields)
    }.bool()

    /** Like the other [update], from an object, all of whose properties are set: see [insert]. */
    public suspend inline fun <reified T : Any> update(key: Any?, row: T): Boolean =
        update(known(T::class) { serializers.serializer<T>() }, key, row)

    /** Like the other [update], with an explicit serializer. */
    public suspend fun <T : Any> update(serializer: SerializationStrategy<T>, key: Any?, row: T): Boolean = ask(Op.UPDATE) {
        it.key(key)
        it.record(serializer, row)
    }.bool()

    /**
     * Sets the named columns of many rows, all or none, and returns how many rows there
     * were: unknown keys are ignored, and a key given twice counts once.
     */
    public suspend fun updateMany(keys: Iterable<Any?>, vararg fields: Pair<String, Any?>): Long =
        updateMany(keys, mapOf(*fields))

    /** Like the other [updateMany], from a map. */
    public suspend fun updateMany(keys: Iterable<Any?>, fields: Map<String, Any?>): Long {
        val list = keys.toList()
        return ask(Op.UPDATE_MANY) { out ->
            out.u32(list.size)
            list.forEach(out::key)
            out.record(fields)
        }.count()
    }

    /** Deletes a row and returns whether there was one. */
    public suspend fun delete(key: Any?): Boolean = ask(Op.DELETE) { it.key(key) }.bool()

    /** Starts a selection of rows, with filters, an order, a limit and an offset. */
    public fun select(): Select = Select(target, name)

    /** Returns the number of rows. */
    public suspend fun count(): Long = select().count()

    /** Streams all rows, one after another, in the order of their keys. */
    public fun stream(): Flow<Row> = rows(target, Op.TABLE_STREAM) { it.text(name) }

    /**
     * Moves amounts from one row's column to another's, all or none. Both rows must
     * exist, and a transfer that a constraint refuses is not made.
     *
     * ```kotlin
     * db.table("accounts").transfer("balance", listOf(Transfer(from = 1, to = 2, amount = 30)))
     * ```
     * @throws UbiqliteException whose `index` identifies the transfer: `NotFound` for a row that does not exist
     */
    public suspend fun transfer(column: String, transfers: List<Transfer>) {
        ask(Op.TRANSFER) { out ->
            out.text(column)
            out.u32(transfers.size)
            transfers.forEachIndexed { index, (from, to, amount) ->
                indexed(index) {
                    out.key(from)
                    out.key(to)
                    out.value(amount, "the amount")
                }
            }
        }.done()
    }

    @PublishedApi
    internal val serializers: SerializersModule get() = target.client.mapping.module

    private suspend inline fun ask(op: Int, write: (Writer) -> Unit): Reply = target.ask(op) {
        it.text(name)
        write(it)
    }
}
