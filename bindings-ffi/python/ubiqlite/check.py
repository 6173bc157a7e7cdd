"""Whether a database is sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional

from . import _ops as op
from ._client import cells_of
from ._target import CallTarget, TimeLimit


@dataclass(frozen=True)
class Damage:
    """Something in a database that is not as it should be."""

    kind: Literal["content", "foreign_key"]
    """What is wrong.

    ``content``: the file's pages, rows, indexes or constraints; ``foreign_key``: a row refers to one that is not there.
    """
    table: Optional[str]
    """The table that it concerns, if it is known."""
    rowid: Optional[int]
    """The row, for a foreign key in a table with rowids."""
    parent: Optional[str]
    """The table that a foreign key refers to."""
    message: str
    """For content, what SQLite says of it; for a foreign key, the names of its columns."""


async def check(target: CallTarget, timeout: TimeLimit) -> list[Damage]:
    """Checks the whole database."""
    reply = await target.call(op.CHECK, timeout)
    cells = cells_of(reply)
    return [Damage(*cells[at : at + 5]) for at in range(0, len(cells), 5)]
