package io.github.ubiqlite.r2dbc.spring

import org.springframework.data.r2dbc.dialect.R2dbcDialect
import org.springframework.data.relational.core.dialect.AbstractDialect
import org.springframework.data.relational.core.dialect.InsertRenderContext
import org.springframework.data.relational.core.dialect.LimitClause
import org.springframework.data.relational.core.dialect.LockClause
import org.springframework.data.relational.core.sql.IdentifierProcessing
import org.springframework.data.relational.core.sql.LockOptions
import org.springframework.data.relational.core.sql.SqlIdentifier
import org.springframework.r2dbc.core.binding.BindMarkersFactory

/**
 * SQLite's SQL for Spring Data R2DBC, which finds it by itself. A program needs it only for conversions of its
 * own: `R2dbcCustomConversions.of(UbiqliteDialect.INSTANCE, converters)`.
 */
public object UbiqliteDialect : AbstractDialect(), R2dbcDialect {
    private val markers = BindMarkersFactory.indexed("?", 1)

    override fun getBindMarkersFactory(): BindMarkersFactory = markers

    override fun limit(): LimitClause = Limit

    override fun lock(): LockClause = NoLock

    override fun getIdentifierProcessing(): IdentifierProcessing = Names

    /** For an entity whose values are all null. */
    override fun getInsertRenderContext(): InsertRenderContext = InsertRenderContext { " DEFAULT VALUES" }

    // The driver quotes it, and Spring Data 4 would do so before.
    override fun renderForGeneratedValues(identifier: SqlIdentifier): String = identifier.reference

    override fun getConverters(): Collection<Any> = listOf(ColumnConverter)

    private object Limit : LimitClause {
        override fun getLimit(limit: Long): String = "LIMIT $limit"

        // SQLite has no OFFSET alone; a negative limit is none.
        override fun getOffset(offset: Long): String = "LIMIT -1 OFFSET $offset"

        override fun getLimitOffset(limit: Long, offset: Long): String = "LIMIT $limit OFFSET $offset"

        override fun getClausePosition(): LimitClause.Position = LimitClause.Position.AFTER_ORDER_BY
    }

    /**
     * Rows can't be locked. A transaction has the write lock from its beginning, or with a `transactionMode` of
     * `deferred` from its first write.
     */
    private object NoLock : LockClause {
        override fun getLock(lockOptions: LockOptions): String = ""

        override fun getClausePosition(): LockClause.Position = LockClause.Position.AFTER_ORDER_BY
    }

    /** Names are quoted as they are: SQLite finds them in whatever case, and returns them as they were declared. */
    private object Names : IdentifierProcessing {
        override fun quote(identifier: String): String = "\"${identifier.replace("\"", "\"\"")}\""

        override fun standardizeLetterCase(identifier: String): String = identifier
    }
}
