"""Saving what is left of a damaged database."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Union

from . import _ops as op
from ._client import cells_of
from ._paths import path_of
from ._target import CallTarget, TimeLimit


@dataclass(frozen=True)
class Recovered:
    """What was saved of a damaged database."""

    tables: dict[str, int]
    """The tables of the new database, each with how many rows it has."""
    lost_and_found: int
    """How many rows there are whose table is not known.

    They are in the table ``lost_and_found`` of the new database, with the numbers of their pages, their rowids, and
    their values as ``c0``, ``c1`` and so on.
    """


async def recovered(
    target: CallTarget, source: str, path: Union[str, os.PathLike[str]], timeout: TimeLimit
) -> Recovered:
    """Saves what can be read of the file ``source``, or of the database's own if that is empty."""
    cells = cells_of(await target.call(op.RECOVER, timeout, source, path_of(path, "of the new database")))
    return Recovered(dict(zip(cells[1::2], cells[2::2])), cells[0])
