package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Reader
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.r2dbc.sql.Part

/**
 * Returns whether a `SELECT` yields at most one row, whatever the data: SQLite's program for it
 * has no loop. Such a `SELECT` completes within the call; all others are streamed.
 *
 * This is checked from the second run on, since the check costs as much as a read. If the schema
 * changes later, so that the program gets a loop, the rows are still right, but are all held in
 * memory at once.
 */
internal suspend fun isSingle(part: Part, reader: Reader, params: Array<Any?>): Boolean {
    part.single?.let { return it }
    if (!part.ran) {
        part.ran = true
        return false
    }
    val program = try {
        reader.query("EXPLAIN ${part.sql}", *params)
    } catch (_: UbiqliteException) {
        // Running the statement reports the error.
        return false
    }
    val single = program.all { row -> goesOn(row.long(0), row.string(1), row.long(3)) }
    part.single = single
    return single
}

/** Returns whether an instruction is known, and leads only to later ones. */
private fun goesOn(address: Long, opcode: String, target: Long): Boolean = when (opcode) {
    in STRAIGHT -> true
    in JUMPS -> target > address
    // The last one leads back to where the first one came from.
    "Goto" -> target > address || target == 1L
    else -> false
}

/** Instructions that lead to the next one or end the program: https://sqlite.org/opcode.html. */
private val STRAIGHT = setOf(
    "Add", "Affinity", "AggFinal", "AggStep", "BitAnd", "BitNot", "BitOr", "Blob", "Cast", "Close", "CollSeq", "Column",
    "Concat", "Copy", "Count", "DeferredSeek", "Divide", "Explain", "FinishSeek", "Function", "Halt", "IdxRowid",
    "Int64", "Integer", "IntCopy", "IsTrue", "Move", "Multiply", "Noop", "Not", "Null", "NullRow", "OpenRead", "Or",
    "And", "PureFunc", "Real", "RealAffinity", "Remainder", "ReopenIdx", "ResultRow", "Rowid", "SCopy", "SeekHit",
    "ShiftLeft", "ShiftRight", "String", "String8", "Subtract", "Transaction", "Variable", "ZeroOrNull",
)

/** Instructions that may lead to their second operand. */
private val JUMPS = setOf(
    "Eq", "Found", "Ge", "Gt", "IdxGE", "IdxGT", "IdxLE", "IdxLT", "If", "IfNot", "IfNullRow", "Init", "IsNull",
    "IsType", "Le", "Lt", "MustBeInt", "Ne", "NoConflict", "NotExists", "NotFound", "NotNull", "Once", "SeekGE",
    "SeekGT", "SeekLE", "SeekLT", "SeekRowid",
)
