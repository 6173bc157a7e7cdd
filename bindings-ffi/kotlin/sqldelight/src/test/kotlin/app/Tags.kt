package app

/** The type of a column that SQLDelight reads with an adapter. */
data class Tags(val names: List<String>)
