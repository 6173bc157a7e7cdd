package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Mode
import io.r2dbc.spi.ConnectionFactory
import io.r2dbc.spi.ConnectionFactoryOptions
import io.r2dbc.spi.ConnectionFactoryProvider
import io.r2dbc.spi.Option

/**
 * Provides this driver, which is named `ubiqlite`, to `ConnectionFactories`.
 *
 * ```kotlin
 * val factory = ConnectionFactories.get("r2dbc:ubiqlite:///app.db?lockWaitTimeout=PT2S")
 * ```
 *
 * - `r2dbc:ubiqlite:///app.db`: a file, relative to the working directory;
 * - `r2dbc:ubiqlite:////var/lib/app.db`: a file, by its absolute path;
 * - `r2dbc:ubiqlite:mem:///`: a database in memory, which belongs to this factory.
 *
 * Options are those of `DatabaseOptions`, under the same names, as text in a URL: `readOnly`,
 * `create`, `readers`, `sessions` (64 by default), `foreignKeys`,
 * `trustedSchema`, `cacheKib`, `statementCache`, `walLimit`, `journalMode`, `synchronous`,
 * `acquireTimeout`; and `lockWaitTimeout` (the busy timeout), `statementTimeout` and
 * [transactionMode][TRANSACTION_MODE]. Durations are ISO 8601: `PT0.5S`.
 */
public class UbiqliteConnectionFactoryProvider : ConnectionFactoryProvider {
    /**
     * Makes a factory; nothing is opened before its first connection.
     *
     * @throws IllegalArgumentException for an option that can't be used
     * @throws io.r2dbc.spi.NoSuchOptionException without a path
     */
    override fun create(connectionFactoryOptions: ConnectionFactoryOptions): ConnectionFactory =
        UbiqliteConnectionFactory(Settings(required(connectionFactoryOptions, "the options")))

    /** Returns whether the options name this driver. */
    override fun supports(connectionFactoryOptions: ConnectionFactoryOptions): Boolean =
        required(connectionFactoryOptions, "the options").getValue(ConnectionFactoryOptions.DRIVER) == DRIVER

    override fun getDriver(): String = DRIVER

    public companion object {
        /** The name of this driver. */
        public const val DRIVER: String = "ubiqlite"

        /**
         * How a transaction begins: an option of a connection factory, and an attribute of a
         * `TransactionDefinition`. Default: [Mode.IMMEDIATE], with the write lock, so that
         * nothing later in it is refused as busy. A read-only transaction needs no lock.
         */
        @JvmField
        public val TRANSACTION_MODE: Option<Mode> = Option.valueOf("transactionMode")
    }
}
