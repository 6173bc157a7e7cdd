"""The commit feed: what each commit has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Optional

from . import _ops as op
from ._client import Reply, cells_of
from ._live import Live
from ._target import CallTarget, TimeLimit
from ._values import Key

_KINDS: tuple[Literal["insert", "update", "delete"], ...] = ("insert", "update", "delete")


@dataclass(frozen=True)
class ChangedRow:
    """A row that a commit has changed."""

    kind: Literal["insert", "update", "delete"]
    """What happened to it. A row whose key has changed is one that is gone and one that is new."""
    key: Key
    """Its primary key, or its rowid if the table has no such key: what ``db.table(name).get()`` takes."""


@dataclass(frozen=True)
class ChangedTable:
    """A table that a commit has changed."""

    name: str
    """Its name, as spelled in the schema."""
    rows: Optional[list[ChangedRow]]
    """The rows that have changed, each once. ``None``: any of them may have.

    So it is if there are more than 1024, after a ``DELETE`` of all rows, for a virtual table, and where SQLite does not
    report rows.
    """


@dataclass(frozen=True)
class CommitEvent:
    """What a commit has changed. Writes that share a commit are one event."""

    moment: int
    """The number of commits of this database so far, since its first feed or watch. Each event has a larger one."""
    tables: list[ChangedTable]
    """The tables that are known to have changed. A virtual table stands for the tables that keep its content."""
    everything: bool
    """Anything may have changed, also what is not in ``tables``.

    So it is after a commit of others, a change of the schema, a statement that acts on the file as a whole, and for
    what was under way when this feed, or another or a watch, began.
    """
    schema: bool
    """The schema may have changed."""
    external: bool
    """Others have committed, or may have: another process, or another database object on the file."""


class Commits(Live[CommitEvent]):
    """A commit feed, from ``db.commits()``: what each commit has changed, one after another.

    It begins when it is first read, and has each commit that is requested after that, whoever makes it; what is rolled
    back is not in it. A reader may ask late: 32 events are kept for it, and the last of them joins all later commits,
    so that it loses detail but no change.

    It ends with its loop (by ``break``, by an exception), by :meth:`aclose`, and when the database is closed, which
    ends a loop without an error. It is also an asynchronous context manager, which closes it.
    """

    __slots__ = ()

    _name = "commit feed"

    def __init__(self, target: CallTarget, tables: Iterable[str], timeout: TimeLimit) -> None:
        names = [tables] if isinstance(tables, str) else list(tables)
        super().__init__(target, op.COMMITS, (names,), 0, timeout)

    def _is_last(self, reply: Reply) -> bool:
        return reply[5] is True

    async def _made(self, reply: Reply) -> CommitEvent:
        cells = cells_of(reply)
        number, moment, flags = cells[:3]
        tables: list[ChangedTable] = []
        at = 3
        while at < len(cells):
            name, width, count = cells[at : at + 3]
            at += 3
            rows: list[ChangedRow] = []
            for _ in range(count):
                key = cells[at + 1 : at + 1 + width]
                rows.append(ChangedRow(_KINDS[cells[at]], key[0] if width == 1 else tuple(key)))
                at += 1 + width
            tables.append(ChangedTable(name, rows if width else None))
        self._number = number
        return CommitEvent(moment, tables, bool(flags & 1), bool(flags & 2), bool(flags & 4))
