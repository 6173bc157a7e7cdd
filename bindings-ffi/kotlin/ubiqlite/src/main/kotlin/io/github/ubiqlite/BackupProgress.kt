package io.github.ubiqlite

/**
 * How far a [Database.backup] is.
 *
 * @property done the pages that are copied; it begins anew at 0 when the copy does, because others have written
 * @property total the pages that the database has now
 */
public data class BackupProgress(val done: Long, val total: Long)
