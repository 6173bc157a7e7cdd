"""The exceptions of ``sqlite3``, by SQLite's code."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from ..errors import _name as code_name

__all__ = ["raised"]

_BY_CODE: dict[int, type[sqlite3.Error]] = {
    2: sqlite3.InternalError,
    12: sqlite3.InternalError,
    11: sqlite3.DatabaseError,
    18: sqlite3.DataError,
    19: sqlite3.IntegrityError,
    20: sqlite3.IntegrityError,
    21: sqlite3.InterfaceError if sys.version_info >= (3, 11) else sqlite3.ProgrammingError,
    23: sqlite3.DatabaseError,
    24: sqlite3.DatabaseError,
    25: sqlite3.InterfaceError if sys.version_info >= (3, 11) else sqlite3.DatabaseError,
    26: sqlite3.DatabaseError,
}
_OPERATIONAL = frozenset((1, 3, 4, 5, 6, 8, 9, 10, 13, 14, 15, 16, 17))


def raised(reply: tuple[Any, ...]) -> BaseException:
    """Returns the exception for a reply that reports an error."""
    code, kind, message = reply[5:8]
    if code is None:
        return _own(kind, message)
    primary = code & 0xFF
    if primary == 7:
        return MemoryError()
    default = sqlite3.OperationalError if primary in _OPERATIONAL else sqlite3.DatabaseError
    error = _BY_CODE.get(primary, default)(message)
    if sys.version_info >= (3, 11):
        error.sqlite_errorcode = code
        error.sqlite_errorname = code_name(code)
    return error


def _own(kind: str, message: str) -> BaseException:
    if kind == "Closed":
        return sqlite3.ProgrammingError("Cannot operate on a closed database.")
    if message.startswith("You can only execute one") and sys.version_info < (3, 11):
        return sqlite3.Warning(message)
    if message.startswith("the query contains a null"):
        if sys.version_info < (3, 12):
            return ValueError("embedded null character")
        return sqlite3.ProgrammingError(message)
    if kind == "TooBig":
        return sqlite3.DataError(message)
    if kind == "CannotOpen":
        return sqlite3.OperationalError("unable to open database file")
    return sqlite3.ProgrammingError(message)
