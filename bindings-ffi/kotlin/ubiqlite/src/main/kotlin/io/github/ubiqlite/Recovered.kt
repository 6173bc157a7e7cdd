package io.github.ubiqlite

/**
 * What was saved of a damaged database, by [Database.recover].
 *
 * @property tables the tables of the new database, each with how many rows it has
 * @property lostAndFound how many rows there are whose table is not known: they are in the table `lost_and_found` of the
 * new database, with the numbers of their pages, their rowids, and their values as `c0`, `c1` and so on
 */
public data class Recovered(val tables: Map<String, Long>, val lostAndFound: Long)
