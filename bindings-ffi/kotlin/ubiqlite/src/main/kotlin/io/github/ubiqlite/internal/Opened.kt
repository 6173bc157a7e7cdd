package io.github.ubiqlite.internal

import io.github.ubiqlite.Database
import io.github.ubiqlite.DatabaseOptions

/** Opens a database, [fills][fill] it, and applies its migrations. */
internal suspend inline fun opened(path: String, chosen: DatabaseOptions, fill: (Database) -> Unit): Database {
    if (path.isEmpty()) throw invalid("the path of a database must not be empty")
    if ('\u0000' in path) throw invalid("the path contains a NUL character, which no file name can contain")
    val client = EngineClient.open(path, chosen.settings(), Mapping.of(chosen.json, chosen.snakeCase))
    val target = CallTarget(client, Owner(client), null, EngineClient.NO_LIMIT)
    val db = Database(target, path)
    try {
        fill(db)
        chosen.toApply?.let { Migrating(target, it, path).run() }
    } catch (error: Throwable) {
        // What it has thrown comes first.
        runCatching { db.closeAnyway() }.exceptionOrNull()?.let(error::addSuppressed)
        throw error
    }
    return db
}
