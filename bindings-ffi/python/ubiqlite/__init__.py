"""SQLite for asyncio: fast, typed, and safe to cancel.

::

    import ubiqlite

    async with ubiqlite.open("app.db") as db:
        item_id = await db.table("items").insert(name="lamp", data={"watt": 40})
        async for row in db.stream("SELECT * FROM items WHERE id > ?", (10,)):
            print(row["name"])
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM items WHERE id = ?", (item_id,))
"""

from __future__ import annotations

from ._arrow import ArrowTable
from ._into import Into
from ._migration_files import MigrationFiles
from ._open import Opening, deserialize, open, recover, restore_replica  # noqa: A004 - `ubiqlite.open`
from ._recover import Recovered
from ._row import Row
from ._statements import Executed, Reader, Statement, Statements
from ._values import Key, Params, Record, Value
from .apply import Applied, Conflict, Newest, Policy
from .backup import BackupProgress, BackupStream
from .check import Damage
from .commits import ChangedRow, ChangedTable, CommitEvent, Commits
from .database import Capabilities, Database
from .errors import (
    Busy,
    Cancelled,
    CannotOpen,
    CheckViolation,
    Closed,
    ConstraintViolation,
    Corrupt,
    DatabaseError,
    DataError,
    DatatypeMismatch,
    DiskFull,
    Error,
    ForeignKeyViolation,
    IntegrityError,
    Internal,
    InternalError,
    InvalidArgument,
    Io,
    NoSuchColumn,
    NoSuchTable,
    NotADatabase,
    NotAuthorized,
    NotFound,
    NotNullViolation,
    NotSupportedError,
    OperationalError,
    OutcomeUnknown,
    OutOfMemory,
    PrimaryKeyViolation,
    ProgrammingError,
    ReadOnly,
    SchemaChanged,
    SchemaTooNew,
    Syntax,
    Timeout,
    TooBig,
    TriggerViolation,
    UniqueViolation,
    Unsupported,
)
from .migrations import AppliedMigration, Drift, Migrations, MigrationStep, Migrator
from .outbox import Outbox, OutboxBatch
from .replicate import Replica, ReplicaState, SnapshotReason
from .run_result import Column, RunResult
from .select import Comparison, Select
from .session import AcquireContext, Session, Snapshot
from .stats import Spent, Stats
from .storage import ReplicaStorage
from .stream import RowStream
from .table import Table, Transfer
from .trace import TracedCall, TraceListener
from .transaction import Mode, Savepoint, SavepointScope, Transaction, TransactionScope
from .watch import Update, Watch, WatchAll, WatchedQuery

__all__ = [
    "Applied",
    "AppliedMigration",
    "ArrowTable",
    "BackupProgress",
    "BackupStream",
    "Busy",
    "Cancelled",
    "CannotOpen",
    "Capabilities",
    "ChangedRow",
    "ChangedTable",
    "CheckViolation",
    "Closed",
    "Column",
    "CommitEvent",
    "Commits",
    "Comparison",
    "Conflict",
    "ConstraintViolation",
    "Corrupt",
    "Damage",
    "DataError",
    "Database",
    "DatabaseError",
    "DatatypeMismatch",
    "DiskFull",
    "Drift",
    "Error",
    "Executed",
    "ForeignKeyViolation",
    "IntegrityError",
    "Internal",
    "InternalError",
    "Into",
    "InvalidArgument",
    "Io",
    "Key",
    "AcquireContext",
    "MigrationFiles",
    "MigrationStep",
    "Migrations",
    "Migrator",
    "Mode",
    "Newest",
    "NoSuchColumn",
    "NoSuchTable",
    "NotADatabase",
    "NotAuthorized",
    "NotFound",
    "NotNullViolation",
    "NotSupportedError",
    "Opening",
    "OperationalError",
    "OutOfMemory",
    "Outbox",
    "OutboxBatch",
    "OutcomeUnknown",
    "Params",
    "Policy",
    "PrimaryKeyViolation",
    "ProgrammingError",
    "ReadOnly",
    "Reader",
    "Record",
    "Recovered",
    "Replica",
    "ReplicaState",
    "ReplicaStorage",
    "Row",
    "RowStream",
    "RunResult",
    "Savepoint",
    "SavepointScope",
    "SchemaChanged",
    "SchemaTooNew",
    "Select",
    "Session",
    "Snapshot",
    "SnapshotReason",
    "Spent",
    "Statement",
    "Statements",
    "Stats",
    "Syntax",
    "Table",
    "Timeout",
    "TooBig",
    "TraceListener",
    "TracedCall",
    "Transaction",
    "TransactionScope",
    "Transfer",
    "TriggerViolation",
    "UniqueViolation",
    "Unsupported",
    "Update",
    "Value",
    "Watch",
    "WatchAll",
    "WatchedQuery",
    "deserialize",
    "open",
    "recover",
    "restore_replica",
]
