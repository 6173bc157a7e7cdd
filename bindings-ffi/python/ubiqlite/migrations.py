"""Migrations: SQL files that are applied once each, in the order of their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Optional, Union

from . import _ops as op
from ._client import cells_of
from ._migration_files import MigrationFiles, read
from ._target import CallTarget, millis
from ._times import read_moment
from .errors import InvalidArgument

_DEFAULT = -1
_FOR_EVER = 2**63 - 1

# What an operation on migrations is to do.
_PENDING, _APPLIED, _VERIFY, _REHEARSE = 0, 1, 2, 3
_RUN, _DRY_RUN, _TO = 0, 1, 2


@dataclass(frozen=True)
class MigrationStep:
    """One step of what is to be done, or was done."""

    number: int
    """The migration's number."""
    name: str
    """Its file's name, without the ending: ``0001_items``."""
    action: Literal["apply", "revert", "note", "accept_edit"]
    """What is done with it.

    - ``"apply"``: it is applied.
    - ``"revert"``: it is undone.
    - ``"note"``: it is noted as done: what it replaces is done, or another tool's ledger has it.
    - ``"accept_edit"``: its file was changed, and counts as applied as it is now.
    """
    alone: bool
    """It has the header ``-- alone``."""
    took: Optional[timedelta]
    """How long its statements have run.

    ``None`` if none did: it is only planned, it was only noted, or it runs alone and this is a dry run.
    """


@dataclass(frozen=True)
class AppliedMigration:
    """A migration that a database has."""

    number: int
    """Its number."""
    name: str
    """The name that its file had when it was applied, without the ending."""
    applied_at: Optional[datetime]
    """When, in UTC.

    ``None`` if it runs alone, was begun, and it is not known whether it was done; the next run does it again.
    """
    took: Optional[timedelta]
    """How long its statements ran. ``None`` if it was noted as done."""
    breaks_older: bool
    """It says ``-- breaks: older``."""
    reversible: bool
    """It can be undone: its ``.down.sql`` is in the ledger."""
    known: bool
    """It is among this program's files."""


@dataclass(frozen=True)
class Drift:
    """An object of the schema that is not as the last migration has left it."""

    object: str
    """The object: ``table items``, ``index items_by_name``."""
    kind: Literal["missing", "added", "changed"]
    """What happened to it: it is gone, no migration has made it, or it is another."""
    details: list[str]
    """The differences in words, for an object that was changed."""


_ACTIONS: tuple[Literal["apply", "revert", "note", "accept_edit"], ...] = ("apply", "revert", "note", "accept_edit")
_KINDS: tuple[Literal["missing", "added", "changed"], ...] = ("missing", "added", "changed")


class Migrations:
    """The migrations of a database: SQL files, each with a number, and how to treat them.

    They run in the order of their numbers, each once, in a transaction of its own. ``ubiqlite.open()`` runs them before
    it returns; :meth:`Database.migrations` runs and inspects them by call. Both also take the files alone, if no option
    is needed::

        from importlib.resources import files

        db = await ubiqlite.open("app.db", migrations=files("app") / "migrations")

    What a file is, its name says:

    - ``0001_items.sql``, ``0001_items.up.sql`` or ``V1__items.sql``: a migration: its number, of any number of digits,
      and its name.
    - ``0001_items.down.sql``: how to undo it.
    - ``20240101120000_items/migration.sql``: a migration of a folder that drizzle-kit makes.
    - ``meta/_journal.json``: the order of the files of an older folder of drizzle-kit.
    - ``schema.sql``, and what is not SQL, is passed over.

    Comments before its first statement, the headers, can say how it is to run:

    - ``-- alone``: outside a transaction, for ``VACUUM`` and the like: ``PRAGMA`` statements and one other.
    - ``-- replaces: 1-40``: it stands for these migrations: it runs on a new database, and is noted as done where they
      are done.
    - ``-- breaks: older``: programs that lack it can't use the database any more, even with ``allow_newer``. Once it
      was applied through this ``Database``, an event loop that ran older files gets ``SchemaTooNew`` for every call.
    - ``-- rebuild: items``: its ``CREATE TABLE items`` gives the existing table this new form, and keeps its rows,
      indexes and triggers, and whatever refers to it.
    """

    __slots__ = ("_files", "_flags", "_patience")

    def __init__(
        self,
        files: MigrationFiles,
        *,
        allow_newer: bool = False,
        accept_edited: bool = False,
        lock_timeout: Union[float, timedelta, None] = None,
    ) -> None:
        """Reads the files, once. What they say is checked where they are used.

        :param files: a folder: its path, or one of a package, from ``importlib.resources.files()``, also inside a zip
            archive; or names with texts: a mapping, or an iterable of pairs, in any order
        :param allow_newer: whether to go on with a database that has migrations which these files lack, since a newer
            program has applied them. One that says ``-- breaks: older`` is refused all the same. Default: false, the
            error is ``SchemaTooNew``
        :param accept_edited: whether a file that was changed after it was applied counts as applied, as it is now.
            Default: false, the error is ``InvalidArgument``, with the file and the line
        :param lock_timeout: seconds to wait while somebody else holds the write lock, perhaps to apply the same
            migrations; then ``Busy``. They count anew whenever another migration is done. Default: 10 minutes
        :raises CannotOpen: if there is no such folder, or it may not be read; ``Io`` if reading fails
        :raises InvalidArgument: for what has no files, and for a file that is not UTF-8

        ::

            migrations = ubiqlite.Migrations("migrations", allow_newer=True)
            db = await ubiqlite.open("app.db", migrations=migrations)
        """
        self._files = read(files)
        self._flags = bool(allow_newer) | bool(accept_edited) << 1
        wait = millis(lock_timeout, "lock_timeout")
        self._patience = _DEFAULT if lock_timeout is None else _FOR_EVER if wait is None else wait

    def _payload(self, doing: int, number: int, opens: str) -> tuple[Any, ...]:
        return doing, number, self._flags, self._patience, opens, self._files


class Migrator:
    """The migrations of one database, from :meth:`Database.migrations`: what is applied, what is to be done, doing it.

    Several programs and tasks can do it at the same time: one applies a migration, and the others wait and then find it
    done.
    """

    __slots__ = ("_migrations", "_opens", "_target")

    def __init__(self, target: CallTarget, migrations: Migrations, opens: str = "") -> None:
        self._target = target
        self._migrations = migrations
        self._opens = opens  # The path, while the database is being opened: errors have it then.

    async def pending(self) -> list[MigrationStep]:
        """Returns what :meth:`run` would do, in this order. Nothing runs, and nothing is changed.

        Raises ``SchemaTooNew`` and ``InvalidArgument`` as :meth:`run` does::

            for step in await db.migrations("migrations").pending():
                print(step.action, step.name)
        """
        return await self._steps(op.MIGRATIONS, _PENDING)

    async def run(self) -> list[MigrationStep]:
        """Applies what is not applied yet, and returns what was done.

        Each migration has a transaction of its own, with its place in the ledger: a program that is killed has applied
        the first so many of them. Foreign keys are off around each, and checked before it is committed. If the task is
        cancelled, the migration that is under way is undone, or done; those before it stay.

        Raises the errors of the SQL, with the migration's name and the line: nothing of that migration is done then,
        and those before it stay applied. Raises ``ForeignKeyViolation``, with the table, if a row is left without its
        parent; ``SchemaTooNew`` if the database has migrations that are not among the files; ``InvalidArgument`` for
        files that are ambiguous, and for one that was changed after it was applied; ``Busy`` if the write lock was held
        for the ``lock_timeout``::

            for step in await db.migrations("migrations").run():
                print(step.name, "took", step.took)
        """
        return await self._steps(op.MIGRATE, _RUN)

    async def dry_run(self) -> list[MigrationStep]:
        """Does what :meth:`run` would do in one transaction, rolls it back, and returns what was done.

        A migration with the header ``-- alone`` can't run in one: its ``took`` is ``None``. Raises the errors that
        :meth:`run` would meet::

            await db.migrations("migrations").dry_run()
        """
        return await self._steps(op.MIGRATE, _DRY_RUN)

    async def to(self, number: int) -> list[MigrationStep]:
        """Undoes the migrations with a greater number, and applies those up to this number that are missing.

        The last one is undone first, each by the ``.down.sql`` that it was applied with, which the ledger has: a
        program that lacks the file can do it. ``to(0)`` undoes all. Returns what was done.

        Raises what :meth:`run` does, and ``InvalidArgument`` if one of them can't be undone, because there was no
        ``.down.sql``; then nothing is done::

            await db.migrations("migrations").to(7)
        """
        if not isinstance(number, int) or isinstance(number, bool) or not -(2**63) <= number < 2**63:
            raise InvalidArgument(f"a migration's number must be a whole number, not {number!r}")
        return await self._steps(op.MIGRATE, _TO, number)

    async def verify(self) -> list[Drift]:
        """Compares the schema with what the last migration has left, and returns what somebody has changed by hand.

        It is empty if there is no difference, and if nothing was applied::

            for drift in await db.migrations("migrations").verify():
                print(drift.object, drift.kind, "; ".join(drift.details))
        """
        return await self._drift(_VERIFY)

    async def rehearse(self) -> list[Drift]:
        """Applies all of them to a new database in memory, undoes those that can be undone, and applies them again.

        Returns what is not as it was the first time, and what differs from ``schema.sql``, if that is among the files.
        Tests of programs call it. This database is neither read nor changed. Raises as :meth:`run` and :meth:`to`, and
        the errors of the SQL in ``schema.sql``::

            assert await db.migrations("migrations").rehearse() == []
        """
        return await self._drift(_REHEARSE)

    async def applied(self) -> list[AppliedMigration]:
        """Returns the migrations that the database has, in the order of their numbers::

        for migration in await db.migrations("migrations").applied():
            print(migration.number, migration.name, migration.applied_at)
        """
        cells = await self._cells(op.MIGRATIONS, _APPLIED)
        found: list[AppliedMigration] = []
        for start in range(0, len(cells), 7):
            number, name, when, took, breaks, reversible, known = cells[start : start + 7]
            applied_at = None if when is None else read_moment(when)
            flags = bool(breaks), bool(reversible), bool(known)
            found.append(AppliedMigration(number, name, applied_at, _took(took), *flags))
        return found

    async def _steps(self, operation: int, doing: int, number: int = 0) -> list[MigrationStep]:
        cells = await self._cells(operation, doing, number)
        steps: list[MigrationStep] = []
        for start in range(0, len(cells), 5):
            its_number, name, action, alone, took = cells[start : start + 5]
            steps.append(MigrationStep(its_number, name, _ACTIONS[action], bool(alone), _took(took)))
        return steps

    async def _drift(self, doing: int) -> list[Drift]:
        cells = await self._cells(op.MIGRATIONS, doing)
        found: list[Drift] = []
        at = 0
        while at < len(cells):
            name, kind, count = cells[at : at + 3]
            at += 3 + count
            found.append(Drift(name, _KINDS[kind], cells[at - count : at]))
        return found

    async def _cells(self, operation: int, doing: int, number: int = 0) -> list[Any]:
        reply = await self._target.call(operation, None, *self._migrations._payload(doing, number, self._opens))
        return cells_of(reply)


def migrations_of(
    files: Union[Migrations, MigrationFiles],
    allow_newer: bool = False,
    accept_edited: bool = False,
    lock_timeout: Union[float, timedelta, None] = None,
) -> Migrations:
    """Returns migrations as they are, or made of files. Raises ``InvalidArgument`` for options of the former."""
    if not isinstance(files, Migrations):
        return Migrations(files, allow_newer=allow_newer, accept_edited=accept_edited, lock_timeout=lock_timeout)
    if allow_newer or accept_edited or lock_timeout is not None:
        raise InvalidArgument("these migrations have options already: give them to Migrations(…)")
    return files


def _took(micros: Optional[int]) -> Optional[timedelta]:
    return None if micros is None else timedelta(microseconds=micros)
