"""An open database."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Callable, NamedTuple, Optional, TypeVar, Union, overload

from . import _ops as op
from ._into import Into
from ._migration_files import MigrationFiles
from ._opening import settled
from ._recover import Recovered, recovered
from ._row import Row
from ._statements import Statements
from ._target import DatabaseTarget, HandleTarget, TimeLimit, duration_of
from ._values import Params
from .apply import Applied, Policy, apply
from .backup import BackupProgress, BackupStream, Bytes, backup, restore, serialize
from .check import Damage, check
from .commits import Commits
from .errors import InvalidArgument
from .migrations import Migrations, Migrator, migrations_of
from .outbox import NAME, Outbox
from .replicate import Replica, replicate
from .session import AcquireContext, Session, Snapshot
from .stats import Stats, stats
from .storage import ReplicaStorage
from .trace import TraceListener
from .transaction import Mode, Transaction, TransactionScope, begin
from .watch import RowKey, Watch, WatchAll, WatchedQuery, key_columns

T = TypeVar("T")


class Capabilities(NamedTuple):
    """What a storage backend can do."""

    transactions: bool
    """Interactive transactions."""
    cursors: bool
    """Streams that keep only a few pages in memory."""
    snapshots: bool
    """Several reads of the same moment."""
    sessions: bool
    """Dedicated connections."""
    watches: bool
    """Live queries: :meth:`Database.watch`, :meth:`Database.watch_all`."""
    row_changes: bool
    """A commit does not run a live query again if it changed only rows of the table that the query does not read."""
    changesets: bool
    """Change sets: :meth:`Database.outbox` and :meth:`Database.apply`."""
    backups: bool
    """Copies of the whole database: :meth:`Database.backup` and :meth:`Database.restore`."""
    replicas: bool
    """Continuous backup: :meth:`Database.replicate`."""


class Database(Statements):
    """An open database, from ``ubiqlite.open()``.

    One write runs at a time, and reads run concurrently with it. Each call is its own
    transaction; :meth:`transaction` groups several statements into one. All tasks may use
    it, and so may several event loops in several threads. :meth:`close` closes it, and so
    does the end of its block.
    """

    __slots__ = ("__weakref__",)

    _target: DatabaseTarget

    @property
    def path(self) -> str:
        """The path it was opened with."""
        return self._target.path

    def transaction(self, *, mode: Mode = "immediate", timeout: TimeLimit = None) -> TransactionScope:
        """A transaction as a block: committed if the block succeeds, rolled back if an exception leaves it.

        Other reads run concurrently with it. Other writes, including those through the database itself, wait until
        it ends. ``timeout``, in seconds, limits how long it takes to begin. Raises ``Busy`` if the write lock could
        not be taken::

            async with db.transaction() as tx:
                await tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", (1,))
                left = await tx.query_value("SELECT balance FROM accounts WHERE id = ?", (1,))
        """
        return TransactionScope(self._target, mode, timeout)

    async def begin(self, *, mode: Mode = "immediate", timeout: TimeLimit = None) -> Transaction:
        """Begins a transaction and returns its handle: it is rolled back unless it is committed."""
        return await begin(self._target, mode, timeout)

    def snapshot(self, *, timeout: TimeLimit = None) -> AcquireContext[Snapshot]:
        """Several reads of the same moment, over any number of calls::

        async with db.snapshot() as moment:
            user, orders = await asyncio.gather(
                moment.table("users").get(7),
                moment.query("SELECT * FROM orders WHERE user_id = ?", (7,)),
            )
        """
        return AcquireContext(Snapshot, self._target, op.SNAPSHOT, timeout)

    def acquire(self, *, timeout: TimeLimit = None) -> AcquireContext[Session]:
        """Acquires a dedicated connection, for ``ATTACH``, temporary tables and ``PRAGMA``\\ s.

        Raises ``Timeout`` if none becomes free within ``timeout`` or the option ``acquire_timeout``::

            async with db.acquire() as session:
                await session.execute("CREATE TEMP TABLE seen (id)")
        """
        return AcquireContext(Session, self._target, op.ACQUIRE, timeout)

    @overload
    def watch(self, sql: str, params: Params = ..., *, key: RowKey = ..., timeout: TimeLimit = ...) -> Watch[Row]: ...
    @overload
    def watch(
        self, sql: str, params: Params = ..., *, key: RowKey = ..., into: Into[T], timeout: TimeLimit = ...
    ) -> Watch[T]: ...
    def watch(
        self, sql: str, params: Params = None, *, key: RowKey = None, into: Any = None, timeout: TimeLimit = None
    ) -> Any:
        """Watches a query: its result now, and then each new one, whoever made the change.

        A watch shows committed data alone: those of this database's tasks, and those of other processes. ``key`` names
        the column, or the columns, that tell a row from the others; by default all columns do. ``random()`` and
        ``datetime('now')`` are called again when data that the query reads has changed. ``timeout`` applies to each
        wait for a result.

        Raises, when it is read, what :meth:`query` does, also for a table that is dropped later; ``InvalidArgument``
        for a key that is no column of the result; ``Unsupported`` for a statement that writes, or that reads a
        temporary or attached table::

            async for now in db.watch("SELECT id, name FROM items WHERE status = ?", ("new",), key="id"):
                print(now.rows, now.added, now.removed, now.updated)
        """
        return Watch(self._target, op.WATCH, (sql, params, key_columns(key)), into, timeout)

    def watch_all(
        self,
        queries: Iterable[Union[str, WatchedQuery, Sequence[Any]]],
        *,
        into: Any = None,
        timeout: TimeLimit = None,
    ) -> WatchAll:
        """Watches several queries, whose results are always of one moment.

        It has a tuple with an :class:`Update` for each query, in their order: now, and then whenever the result of one
        of them is another. Each of the ``queries`` is the SQL, or a tuple of what :meth:`watch` takes: the SQL, its
        parameters, its key and what its rows become; :class:`WatchedQuery` has names for them. ``into`` is for the
        queries that have none of their own. ``timeout`` applies to each wait for results.

        Everything else is as with :meth:`watch`. If one of the queries fails, all of it ends, with an error whose
        ``index`` is that of the query. Raises ``InvalidArgument`` without a query::

            queries = [("SELECT * FROM items WHERE status = ?", ("new",), "id"), "SELECT count(*) AS n FROM items"]
            async for items, total in db.watch_all(queries):
                print(items.rows, items.updated, total.rows[0]["n"])
        """
        return WatchAll(self._target, queries, into, timeout)

    def commits(self, tables: Union[str, Iterable[str]] = (), *, timeout: TimeLimit = None) -> Commits:
        """Returns a commit feed: for each commit, the tables and the keys of the rows that it changes.

        It is for caches, indexes and logs of one's own; a query that is to follow its data is watched by :meth:`watch`.
        With ``tables``, it has the commits that change one of them, and those that may have changed anything or the
        schema. ``timeout`` applies to each wait for an event::

            async for commit in db.commits(["items"]):
                for table in commit.tables:
                    print(table.name, table.rows)
        """
        return Commits(self._target, tables, timeout)

    async def outbox(self, tables: Union[str, Iterable[str]], *, timeout: TimeLimit = None) -> Outbox:
        """Records the changes of these tables from now on, and returns where they wait to be sent.

        What is recorded is kept in the database: it goes on when the database is opened again, and through every
        connection of this library, also in other processes that have it open already. Another call replaces the tables;
        what waits already stays. Changes that :meth:`apply` makes are not recorded, since they come from elsewhere.

        Connections of ``ubiqlite.aiosqlite`` don't record, and refuse to change recorded tables with
        ``sqlite3.ProgrammingError``. Other programs that write into the file, such as the ``sqlite3`` shell, know
        nothing of this: what they change is not recorded. Neither is what a connection changes that has attached the
        file as another database.

        Raises ``InvalidArgument`` for tables that can't be recorded: those without a primary key, since their rows
        can't be told apart elsewhere, virtual and shadow tables and views; ``NoSuchTable``; ``Unsupported`` if
        ``capabilities()`` has no ``changesets``. From then on a commit fails, and changes nothing, with
        ``NotNullViolation`` if a row has ``NULL`` in its primary key, and with ``SchemaChanged`` if another process has
        changed the columns meanwhile::

            outbox = await db.outbox(["items"])
            while (batch := await outbox.next()) is not None:
                await send(batch.bytes)
                await outbox.ack(batch.id)
        """
        names = [tables] if isinstance(tables, str) else list(tables)
        client, handle = await self._target.open_handle(op.OUTBOX, timeout, names)
        return Outbox(HandleTarget(client, handle, self._target, NAME))

    async def apply(
        self,
        changes: Union[bytes, bytearray, memoryview],
        policy: Policy,
        *,
        tables: Optional[Mapping[str, Policy]] = None,
        timeout: TimeLimit = None,
    ) -> Applied:
        """Applies changes that were made elsewhere, in one transaction, and returns what was decided.

        ``changes`` are the bytes of a batch of an outbox, or of several one after another; they may come from anybody.
        ``policy`` decides where one of them meets another change: ``"theirs"``, ``"ours"``, ``"abort"``, or
        ``Newest("updated_at")``; ``tables`` has other policies for some tables, by name.

        Triggers don't fire and foreign keys have no actions: what those did elsewhere is among the changes. Foreign
        keys are checked at the end. Live queries see what was changed, and the outbox does not. What waits in the
        outbox is made one batch that stands on what was applied, with a new number if it is another than before. A
        table here may have more columns, at its end, than theirs.

        Raises ``InvalidArgument`` for bytes that are no change set, or that would change something else than a table;
        ``NoSuchTable``; ``NoSuchColumn`` for that of a policy; ``SchemaChanged`` if a table has fewer columns here, or
        another key; ``ForeignKeyViolation`` if a row would refer to none; ``ConstraintViolation`` where the policy is
        to abort; ``Unsupported`` if ``capabilities()`` has no ``changesets``. Nothing is changed then::

            done = await db.apply(changes, "theirs", tables={"notes": Newest("updated_at")})
            for conflict in done.conflicts:
                print(conflict.table, conflict.key, conflict.ours, conflict.theirs, conflict.decision)
        """
        return await apply(self._target, changes, policy, tables, timeout)

    async def touch(self, tables: Iterable[str]) -> None:
        """Tells the watches of queries that read one of these tables that it may have changed.

        They run again. It is for changes that the engine can't see, such as those of a function that a query calls::

            await db.touch(["items"])
        """
        if isinstance(tables, str):
            raise InvalidArgument("expected a list of names of tables, not a str")
        await self._target.call(op.TOUCH, None, list(tables))

    async def check(self, *, timeout: TimeLimit = None) -> list[Damage]:
        """Checks the whole database, and returns what is wrong with it: nothing, in a sound one.

        It reads every page, on one reader. Writes go on meanwhile, and the log grows until the check has ended. SQLite
        describes at most 100 faults of the content, and of each table. What it finds first may keep it from finding the
        rest, and from looking at foreign keys: check again what was mended.

        Raises ``Corrupt`` or ``NotADatabase`` if not even the schema can be read::

            for damage in await db.check():
                print(damage.kind, damage.table, damage.message)
        """
        return await check(self._target, timeout)

    async def recover(self, path: Union[str, os.PathLike[str]], *, timeout: TimeLimit = None) -> Recovered:
        """Writes all that can be read of this database's file, which may be damaged, into the new file ``path``.

        It is done by SQLite's recovery (https://sqlite.org/recovery.html): the schema, the rows, and rows whose table
        is not known. The file is read as any reader does, and is not changed. What is saved may be incomplete, and may
        have rows that were deleted before. Indexes are made anew, and constraints are not checked. The new file gets
        its name when it is complete: a call that fails, is cancelled or exceeds ``timeout`` leaves none.
        ``ubiqlite.recover()`` does it with a file that can't even be opened.

        Raises ``InvalidArgument`` if the new file exists, and for a database in memory; ``CannotOpen``;
        ``NotADatabase`` if nothing in the file is of a database::

            if await db.check():
                print((await db.recover("saved.db")).tables)
        """
        return await recovered(self._target, "", path, timeout)

    async def stats(self, *, timeout: TimeLimit = None) -> Stats:
        """Returns what this database has done and is doing.

        That is who waits, how long waits and work took, commits, caches, and the log. It waits for nobody::

            stats = await db.stats()
            print(stats.commits, stats.waiting_writes, stats.oldest_reader)
        """
        return await stats(self._target, timeout)

    def trace(self, listener: TraceListener, *, slower_than: TimeLimit = None) -> Callable[[], None]:
        """Calls ``listener`` with a :class:`TracedCall` whenever a call of this database is over.

        That tells how long it waited apart from how long it ran. The listener runs on the loop of the call, in the
        context of its caller, soon after the call; its exceptions go to the loop's exception handler. It is called for
        every call, or with ``slower_than`` for those that ran for at least so many seconds; of a call that the engine
        has not reported, as one that was cancelled, its duration counts. The engine measures only while somebody
        listens. Returns a function that removes the listener::

            stop = db.trace(lambda call: print(call.summary, call.queue_wait, call.run, call.rows), slower_than=0.1)
        """
        return self._target.traced.listeners.add(listener, duration_of(slower_than, "slower_than"))

    def migrations(
        self,
        files: Union[Migrations, MigrationFiles],
        *,
        allow_newer: bool = False,
        accept_edited: bool = False,
        lock_timeout: TimeLimit = None,
    ) -> Migrator:
        """Returns a handle to run and inspect these migrations on this database.

        ``files`` are a folder, by its path or of a package, or names with texts; what they and the options are,
        :class:`Migrations` tells, which can be given instead and has options of its own.

        Raises ``CannotOpen`` if there is no such folder, ``Io`` if it can't be read, and ``InvalidArgument`` for what
        has no files::

            migrator = db.migrations({"1_items.sql": "CREATE TABLE items (id INTEGER PRIMARY KEY)"})
            for step in await migrator.run():
                print(step.name, "took", step.took)
        """
        return Migrator(self._target, migrations_of(files, allow_newer, accept_edited, lock_timeout))

    async def backup(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        overwrite: bool = False,
        compact: bool = False,
        progress: Optional[Callable[[BackupProgress], object]] = None,
        timeout: TimeLimit = None,
    ) -> None:
        """Copies the database into the file ``path``, while others go on reading and writing.

        The copy is one moment of the database, not before the call: usually that of its end, since what is written
        through this database meanwhile goes into the copy as well. It is made in slices, between the writes. The file
        is written as ``name.part`` next to its place, and gets its name when it is complete and on the disk. A call
        that fails, is cancelled or exceeds ``timeout``, which is for the whole copy, leaves no file.

        With ``overwrite``, a file that has the name is replaced, in one step once the copy is complete. With
        ``compact``, the copy is without the space that deleted rows have left: it is the moment at which it was begun,
        and rows of tables without an ``INTEGER PRIMARY KEY`` may get other rowids. ``progress`` is called on the loop
        with a :class:`BackupProgress` whenever that has changed; with ``compact``, only at the end. What it raises ends
        the copy.

        Raises ``InvalidArgument`` if the file exists and may not be overwritten, is the database itself or one of its
        files, or has the log or journal of another database next to it; ``CannotOpen`` for a missing or forbidden
        folder; ``DiskFull``; ``Busy`` while another copy is written to the same place; ``Timeout``; ``Unsupported`` if
        ``capabilities()`` has no ``backups``::

            await db.backup("daily.db", overwrite=True, progress=lambda now: print(now.done, "of", now.total, "pages"))
        """
        await backup(self._target, path, overwrite, compact, progress, timeout)

    def backup_stream(self, *, compact: bool = False, timeout: TimeLimit = None) -> BackupStream:
        """Copies the database as a stream of the bytes of its file, for an upload for example.

        A database in a file is copied into a temporary file next to it first: so the reader may take its time, and the
        disk needs free space of the database's size. One in memory is read in one read transaction. ``compact`` is as
        with :meth:`backup`, and ``timeout`` applies to each wait for bytes.

        Raises, when it is read, ``DiskFull``, ``Timeout``, ``Closed``, and ``Unsupported`` if ``capabilities()`` has no
        ``backups``, or with ``compact`` for a database in memory. What has come before an error is no database::

            async for chunk in db.backup_stream():
                await upload.write(chunk)
        """
        return BackupStream(self._target, compact, timeout)

    async def serialize(self, *, compact: bool = False, timeout: TimeLimit = None) -> bytes:
        """Returns a copy of the database as the bytes of its file, all at once in memory.

        ``ubiqlite.deserialize()`` opens them, and :meth:`restore` takes them. ``compact`` and errors are as with
        :meth:`backup_stream`; ``timeout`` is for all of it::

            data = await db.serialize()
        """
        return await serialize(self._target, compact, timeout)

    async def restore(self, source: Union[str, os.PathLike[str], Bytes], *, timeout: TimeLimit = None) -> None:
        """Replaces all that the database contains by what another does, in one transaction.

        ``source`` is the path of a database file, or the bytes of one: those of a smaller database than 2 GiB. Whoever
        reads sees all of the old or all of the new. Live queries run again, once. Snapshots, and transactions that have
        begun to read, keep what they see. A call that is cancelled happens entirely or not at all.

        The source is checked before anything is changed, and is not changed. The database keeps its page size and its
        journal mode; if those of the source are others, it is rebuilt first, in which rows of tables without an
        ``INTEGER PRIMARY KEY`` may get other rowids. All of the new content goes through the write-ahead log, which is
        that large for a moment.

        Raises ``NotADatabase`` for an empty source or one of another format; ``Corrupt`` for a damaged one;
        ``CannotOpen``; ``InvalidArgument`` for the database itself, and for texts in another encoding than this
        database's; ``TooBig`` for too many bytes; ``Busy`` as any write; ``DiskFull``; ``ReadOnly``; ``Unsupported`` if
        ``capabilities()`` has no ``backups``. Nothing is changed then::

            await db.restore("daily.db")
        """
        await restore(self._target, source, timeout)

    async def replicate(
        self,
        folder: Union[str, os.PathLike[str], ReplicaStorage],
        *,
        interval: TimeLimit = None,
        memory: Optional[int] = None,
        snapshot_every: TimeLimit = None,
        keep: TimeLimit = None,
        close_timeout: TimeLimit = None,
        timeout: TimeLimit = None,
    ) -> Replica:
        """Keeps a replica of the database up to date in a folder, or in a storage of the program's own.

        All pages are stored first, and then those that each commit has changed, whoever made it.
        ``ubiqlite.restore_replica()`` makes the database of any moment of it again. The files are LTX, in litestream's
        layout. What is committed is read from the write-ahead log afterwards: nobody who writes waits for it. After a
        restart it goes on where it was, if the database is what it was.

        - ``interval``: for how many seconds transactions go into one file, each of which is a moment that can be
          restored; 0.5 by default. With 0 each transaction has a file of its own, as long as the folder keeps up.
        - ``memory``: how many bytes of pages may wait in memory, 64 MiB by default. Beyond that transactions that wait
          are merged, and then all pages are stored.
        - ``snapshot_every``: after how many seconds all pages are stored once more, if anything was committed: after 24
          hours by default; 0: never.
        - ``keep``: how many seconds one can go back at least. What is older is removed when all pages were stored. By
          default, and with 0, everything is kept.
        - ``close_timeout``: for how many seconds ``close()`` and ``stop()`` go on storing; 10 by default.

        Raises ``Unsupported`` without a write-ahead log; ``Busy`` if another process or replica writes to the folder;
        ``CannotOpen`` and ``Io`` of the folder::

            replica = await db.replicate("backup")
            await db.execute("INSERT INTO items (name) VALUES (?)", ["lamp"])
            state = await replica.flush()
            print("transaction", state.transaction, "is stored")
        """
        return await replicate(self._target, folder, interval, memory, snapshot_every, keep, close_timeout, timeout)

    async def capabilities(self) -> Capabilities:
        """Returns what the storage can do."""
        bits = (await self._target.call(op.CAPABILITIES))[2]
        return Capabilities(*(bool(bits & 1 << target) for target in range(len(Capabilities._fields))))

    def interrupt(self) -> None:
        """Stops all running calls: they fail with ``Cancelled``. Any thread may call this."""
        self._target.interrupt()

    async def close(self) -> None:
        """Waits for every accepted call, then closes.

        Transactions, sessions, snapshots and streams that are still open have the busy timeout to end; then they
        are rolled back. Later calls raise ``Closed``; closing again does nothing.
        """
        target = self._target
        closing = target.start_close()
        if closing is None:
            return
        try:
            await settled(closing)
        finally:
            target.closed()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()
