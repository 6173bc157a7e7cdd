package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.r2dbc.sql.Part
import io.github.ubiqlite.r2dbc.sql.Texts
import io.r2dbc.spi.Batch
import io.r2dbc.spi.Result
import org.reactivestreams.Publisher

/** A batch of statements without parameters, which run one after another. */
internal class UbiqliteBatch(private val connection: UbiqliteConnection, private val texts: Texts) : Batch {
    private val parts = ArrayList<Part>()

    override fun add(sql: String): Batch {
        val text = texts.of(required(sql, "the SQL"))
        require(text.parameters.isEmpty()) { "a batch has no parameters; use a statement and add()" }
        parts.addAll(text.parts)
        return this
    }

    override fun execute(): Publisher<out Result> = executed(connection, parts.toList(), listOf(emptyArray()))
}
