package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.r2dbc.sql.Text
import io.r2dbc.spi.Result
import io.r2dbc.spi.Statement
import java.util.NoSuchElementException
import org.reactivestreams.Publisher

/** A statement, or several in one text, and the values of its parameters. */
internal class UbiqliteStatement(private val connection: UbiqliteConnection, private val text: Text) : Statement {
    private val saved = ArrayList<Array<Any?>>(0)
    private var values = unbound()

    /** The columns to return from the changed rows; null: none. */
    private var generated: List<String>? = null

    override fun bind(index: Int, value: Any): Statement = put(index, bindable(required(value, "the value")))

    override fun bind(name: String, value: Any): Statement {
        required(name, "the name")
        return put(name, bindable(required(value, "the value")))
    }

    override fun bindNull(index: Int, type: Class<*>): Statement {
        required(type, "the type")
        return put(index, null)
    }

    override fun bindNull(name: String, type: Class<*>): Statement {
        required(name, "the name")
        required(type, "the type")
        return put(name, null)
    }

    private fun put(index: Int, value: Any?): Statement {
        if (index < 0 || index >= values.size) {
            throw IndexOutOfBoundsException("the statement has ${values.size} parameters, but none at index $index")
        }
        values[index] = value
        return this
    }

    private fun put(name: String, value: Any?): Statement {
        val places = text.places(name) ?: throw NoSuchElementException(
            "the statement has no parameter \"$name\"; it has ${text.parameters.joinToString { it.name ?: "?" }}",
        )
        for (place in places) values[place] = value
        return this
    }

    override fun add(): Statement {
        saved.add(complete())
        values = unbound()
        return this
    }

    override fun returnGeneratedValues(vararg columns: String): Statement {
        generated = required(columns, "the columns").map { required(it, "a column") }
        return this
    }

    override fun execute(): Publisher<out Result> {
        val all = ArrayList<Array<Any?>>(saved.size + 1).apply {
            addAll(saved)
            add(complete())
        }
        val columns = generated
        val parts = if (columns == null) text.parts else text.parts.map { it.returning(columns) }
        return executed(connection, parts, all)
    }

    /** Returns the values, and throws if one is missing. */
    private fun complete(): Array<Any?> {
        val values = values.copyOf()
        for (place in values.indices) {
            if (values[place] !== UNBOUND) continue
            val parameter = text.parameters[place]
            check(!parameter.needed) {
                "the parameter ${parameter.name ?: "at index $place"} has no value; bind one, or bind NULL with bindNull"
            }
            values[place] = null
        }
        return values
    }

    private fun unbound() = arrayOfNulls<Any>(text.parameters.size).also { it.fill(UNBOUND) }

    private companion object {
        val UNBOUND = Any()
    }
}
