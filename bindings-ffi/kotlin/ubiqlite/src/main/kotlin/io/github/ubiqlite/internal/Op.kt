package io.github.ubiqlite.internal

/** The operations' numbers, as in `core/src/wire/request.rs`. */
internal object Op {
    const val EXECUTE = 1
    const val QUERY = 2
    const val QUERY_ONE = 3
    const val QUERY_OPTIONAL = 4
    const val QUERY_VALUE = 5
    const val EXECUTE_MANY = 6
    const val BATCH = 7
    const val STREAM = 8
    const val NEXT = 9
    const val MORE = 10
    const val CAPABILITIES = 11
    const val INTERRUPT = 12
    const val BEGIN = 20
    const val COMMIT = 21
    const val ROLLBACK = 22
    const val SAVEPOINT = 23
    const val RELEASE = 24
    const val SNAPSHOT = 25
    const val ACQUIRE = 26
    const val DROP = 27
    const val CANCEL = 28
    const val INSERT = 30
    const val UPSERT = 31
    const val INSERT_MANY = 32
    const val GET = 33
    const val UPDATE = 34
    const val UPDATE_MANY = 35
    const val DELETE = 36
    const val SELECT = 37
    const val SELECT_FIRST = 38
    const val SELECT_COUNT = 39
    const val SELECT_STREAM = 40
    const val TABLE_STREAM = 41
    const val TRANSFER = 42
}

/** Flags of a request. */
internal object Flag {
    const val TIMEOUT = 1
    const val MORE = 2
}

/** The kinds of replies, as in `core/src/wire/reply.rs`. */
internal object Kind {
    const val DONE = 0
    const val ERROR = 1
    const val EXECUTED = 2
    const val EXECUTED_LIST = 3
    const val COUNT = 4
    const val BOOL = 5
    const val KEY = 6
    const val ROWS = 7
    const val HANDLE = 8
    const val CREDIT = 9
    const val BITS = 10

    /** A flag of a reply: the stream is over, and its handle gone. */
    const val END = 1
}

/** How a cell is marked, as in `core/src/row/page.rs`; `ASCII` is a text of which every byte is. */
internal object Tag {
    const val NULL = 0
    const val INTEGER = 1
    const val REAL = 2
    const val TEXT = 3
    const val BLOB = 4
    const val ASCII = 5
}
