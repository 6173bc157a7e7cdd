"""Everything one statement reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Optional, TypeVar

from . import _ops as op
from ._client import check
from ._into import all_made, bit_of, make_of
from ._row import row_type
from ._target import CallTarget, TimeLimit, millis
from ._values import Params

T = TypeVar("T")


class Column(NamedTuple):
    """One column of a result."""

    name: str
    """The name, made unique among the columns: see :class:`Row`."""
    declared_type: Optional[str]
    """The type declared in the column's table; ``None`` for an expression, and for a column without one."""


@dataclass(frozen=True)
class RunResult(Generic[T]):
    """Everything one statement reports: the result of ``run()``."""

    __slots__ = ("columns", "last_row_id", "rows", "rows_changed")

    columns: tuple[Column, ...]
    """The columns, even if there is no row; none for a statement that never yields rows."""
    rows: list[T]
    """The rows."""
    rows_changed: int
    """How many rows it inserted, updated or deleted, not counting those of triggers."""
    last_row_id: int
    """The rowid of the last row it inserted; 0 if it inserted none."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Copying would set the fields one by one, which a frozen class does not allow.
        return type(self), (self.columns, self.rows, self.rows_changed, self.last_row_id)


async def run_result(target: CallTarget, sql: Any, params: Params, into: Any, timeout: TimeLimit) -> RunResult[Any]:
    """Runs a statement and returns what it reports: see ``run()``."""
    client = target.here()
    bit_of(into)
    number = client.number()
    reply = client.send((number, op.RUN, target.handle, millis(timeout), sql, params))
    if reply is None:
        reply = await client.reply_of(number, target.handle)
    _, _, changed, last, described, rows = check(reply)
    columns = tuple(Column(*each) for each in described)
    if rows and into is not tuple:
        names = tuple(each.name for each in columns)
        made: Any = (lambda row: dict(zip(names, row))) if into is dict else make_of(into, row_type(names))
        rows = await all_made(made, rows)
    return RunResult(columns, rows, changed, last)
