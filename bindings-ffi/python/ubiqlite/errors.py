"""What can go wrong: one exception a kind, each also the one that ``sqlite3`` would raise.

The class is named as the kind, which is the same in every language. So new code
catches ``ubiqlite.UniqueViolation``, and ``except sqlite3.IntegrityError`` goes on
to work::

    try:
        await db.table("users").insert(email=email)
    except ubiqlite.UniqueViolation as error:
        print(error.columns, "is taken")
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Optional


class Error(sqlite3.Error):
    """What went wrong: a ``kind`` to tell it by, and a message that says what to do about it."""

    kind: str = "Internal"
    """The kind's name, the same in every language."""
    message: str
    """What went wrong in words."""
    code: Optional[int]
    """SQLite's extended result code, where SQLite reported the error: 2067 for a unique violation."""
    table: Optional[str]
    """The table of a violated constraint, or the one that is missing."""
    columns: tuple[str, ...]
    """The columns of a violated constraint, or the one that is missing."""
    offset: Optional[int]
    """Where in the SQL text the error was found, in UTF-8 bytes from its start."""
    index: Optional[int]
    """Which item of a list failed, from 0: the row, the statement of a batch, the transfer."""
    path: Optional[str]
    """The database file concerned."""

    def __init__(
        self,
        message: str = "",
        *,
        code: int | None = None,
        table: str | None = None,
        columns: tuple[str, ...] = (),
        offset: int | None = None,
        index: int | None = None,
        path: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.table = table
        self.columns = columns
        self.offset = offset
        self.index = index
        self.path = path
        if code is not None:
            # As `sqlite3` has it from Python 3.11 on.
            self.sqlite_errorcode = code
            self.sqlite_errorname = _name(code)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        fields = ("code", "table", "columns", "offset", "index", "path")
        return _again, (type(self), self.message, {name: getattr(self, name) for name in fields})


class DatabaseError(Error, sqlite3.DatabaseError):
    """An error of the database."""


class OperationalError(DatabaseError, sqlite3.OperationalError):
    """An error of the operation, not necessarily of who asked for it."""


class IntegrityError(DatabaseError, sqlite3.IntegrityError):
    """A constraint refused the change."""


class ProgrammingError(DatabaseError, sqlite3.ProgrammingError):
    """The call itself is wrong."""


class DataError(DatabaseError, sqlite3.DataError):
    """A value can't be processed."""


class NotSupportedError(DatabaseError, sqlite3.NotSupportedError):
    """This can't be done here."""


class InternalError(DatabaseError, sqlite3.InternalError):
    """A defect."""


class UniqueViolation(IntegrityError):
    """A ``UNIQUE`` constraint or index refused the row."""


class PrimaryKeyViolation(IntegrityError):
    """A row with this primary key (or rowid) is there already."""


class ForeignKeyViolation(IntegrityError):
    """A foreign key has no parent row, or a parent row still has children."""


class NotNullViolation(IntegrityError):
    """A ``NOT NULL`` column got no value."""


class CheckViolation(IntegrityError):
    """A ``CHECK`` constraint refused the row."""


class TriggerViolation(IntegrityError):
    """A trigger refused the change by ``RAISE(ABORT | FAIL | ROLLBACK)``."""


class ConstraintViolation(IntegrityError):
    """Another constraint: of a virtual table, a function or a commit hook."""


class DatatypeMismatch(IntegrityError):
    """The value has a type that the column can't take."""


class Busy(OperationalError):
    """Somebody else holds the lock for longer than the timeout. Nothing was changed; the call can be repeated."""


class ReadOnly(OperationalError):
    """The database, or the connection, is read-only."""


class DiskFull(OperationalError):
    """The disk is full. Nothing was changed."""


class Corrupt(DatabaseError):
    """The file is damaged."""


class NotADatabase(DatabaseError):
    """The file is no SQLite database, or an encrypted one."""


class CannotOpen(OperationalError):
    """The file can't be opened: it is missing, a directory, or not permitted."""


class NoSuchTable(OperationalError):
    """No table or view of this name."""


class NoSuchColumn(OperationalError, KeyError):
    """No column of this name."""


class Syntax(OperationalError):
    """The SQL can't be compiled."""


class InvalidArgument(ProgrammingError, ValueError):
    """An argument can't be used; the message tells which."""


class NotFound(DatabaseError, LookupError):
    """What was asked for is not there: no row where one was demanded."""


class TooBig(DataError):
    """The value or the SQL is larger than SQLite's limit."""


class OutOfMemory(OperationalError, MemoryError):
    """Memory ran out."""


class Cancelled(OperationalError):
    """The call was interrupted, or its transaction was given up. It is not ``asyncio.CancelledError``."""


class Timeout(OperationalError, TimeoutError):
    """The call's own time limit passed. Nothing was changed."""


class Closed(ProgrammingError):
    """The database, session, transaction or snapshot is closed."""


class Unsupported(NotSupportedError):
    """This can't be done here; the message names what is missing."""


class OutcomeUnknown(OperationalError):
    """Whether the change was committed can't be told."""


class SchemaChanged(OperationalError):
    """The schema was changed under a running call, again and again."""


class NotAuthorized(DatabaseError):
    """An authorizer refused the statement."""


class Io(OperationalError):
    """The system reported an input or output error."""


class Internal(InternalError):
    """A defect: of SQLite, or of this library."""


KINDS: dict[str, type[Error]] = {
    kind.__name__: kind
    for kind in (
        UniqueViolation,
        PrimaryKeyViolation,
        ForeignKeyViolation,
        NotNullViolation,
        CheckViolation,
        TriggerViolation,
        ConstraintViolation,
        DatatypeMismatch,
        Busy,
        ReadOnly,
        DiskFull,
        Corrupt,
        NotADatabase,
        CannotOpen,
        NoSuchTable,
        NoSuchColumn,
        Syntax,
        InvalidArgument,
        NotFound,
        TooBig,
        OutOfMemory,
        Cancelled,
        Timeout,
        Closed,
        Unsupported,
        OutcomeUnknown,
        SchemaChanged,
        NotAuthorized,
        Io,
        Internal,
    )
}
"""The exception of each kind."""


def _name_kinds() -> None:
    for name, kind in KINDS.items():
        kind.kind = name


_name_kinds()


def error_of(fields: str) -> Error:
    """The error of these fields, which are JSON."""
    given: dict[str, Any] = json.loads(fields)
    kind = KINDS.get(given.pop("kind", "Internal"), Internal)
    message = given.pop("message", "")
    given["columns"] = tuple(given.get("columns") or ())
    return kind(message, **given)


def with_index(error: Error, index: int) -> Error:
    """The error, which says which item of a list it is about."""
    if error.index is None:
        error.index = index
    return error


def _again(kind: type[Error], message: str, fields: dict[str, Any]) -> Error:
    return kind(message, **fields)


_names: dict[int, str] = {}


def _name(code: int) -> str:
    """SQLite's name of a result code, as ``sqlite3`` tells it; of its primary code, where that knows no other."""
    if not _names:
        for name in dir(sqlite3):
            value = getattr(sqlite3, name)
            # Authorizer actions and limits share the numbers.
            if name.startswith(_RESULTS) and isinstance(value, int):
                _names[value] = name
    return _names.get(code) or _names.get(code & 0xFF) or "SQLITE_ERROR"


_RESULTS = (
    "SQLITE_ABORT", "SQLITE_AUTH", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_CONSTRAINT", "SQLITE_CORRUPT",
    "SQLITE_EMPTY", "SQLITE_ERROR", "SQLITE_FORMAT", "SQLITE_FULL", "SQLITE_INTERNAL", "SQLITE_INTERRUPT",
    "SQLITE_IOERR", "SQLITE_LOCKED", "SQLITE_MISMATCH", "SQLITE_MISUSE", "SQLITE_NOLFS", "SQLITE_NOMEM",
    "SQLITE_NOTADB", "SQLITE_NOTFOUND", "SQLITE_PERM", "SQLITE_PROTOCOL", "SQLITE_RANGE", "SQLITE_READONLY",
    "SQLITE_SCHEMA", "SQLITE_TOOBIG",
)  # fmt: skip
