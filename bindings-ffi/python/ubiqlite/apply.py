"""Applying changes that were made elsewhere: what is decided where they meet others, and what was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Optional, Union

from . import _ops as op
from ._client import cells_of
from ._pause import Yielder
from ._target import CallTarget, TimeLimit
from ._values import check_text
from .errors import InvalidArgument


@dataclass(frozen=True)
class Newest:
    """A policy: the row with the greater value in a column is kept, which should tell when the row was changed.

    If both are equal, it is the one whose changed values are greater as bytes, so that two sides that apply each
    other's changes decide the same.
    """

    column: str
    """The column."""


Policy = Union[Literal["theirs", "ours", "abort"], Newest]
"""Whose change is kept where two changes of one row meet.

- ``"theirs"``: the change that is applied.
- ``"ours"``: what is in the database. Of an update, what they changed in columns that were not changed here is still
  taken.
- ``Newest("updated_at")``: that of the row with the greater value in this column.
- ``"abort"``: neither: nothing is applied, and the call raises ``ConstraintViolation``.

Whichever it is, replicas agree in the end that exchange their changes in one order, each sending what waits in its
outbox when it has applied all that came before: of what was not taken here, the outbox then has the difference, and the
others get it. Replicas may have different policies.
"""


@dataclass(frozen=True)
class Conflict:
    """A change that could not simply be applied, and what was decided."""

    table: str
    """The table."""
    kind: Literal["data", "not_found", "exists", "constraint"]
    """What was in the way.

    - ``"data"``: the row is there, with other values than those that they changed or deleted.
    - ``"not_found"``: the row that they changed is not there.
    - ``"exists"``: a row with the key of the one that they inserted is there.
    - ``"constraint"``: another constraint: ``UNIQUE`` of other columns, ``NOT NULL`` or ``CHECK``. No policy can keep
      their change. If the table is recorded, the outbox has what undoes it elsewhere.
    """
    change: Literal["inserted", "updated", "deleted"]
    """What they did to the row."""
    key: dict[str, Any]
    """The primary key of the row: its columns and their values."""
    ours: Optional[dict[str, Any]]
    """The row as it was here, or ``None`` if there was none."""
    theirs: dict[str, Any]
    """The row as they have it, as far as they changed it; of a deletion, as they had it."""
    decision: Literal["theirs", "ours"]
    """Whose change was kept."""


@dataclass(frozen=True)
class Applied:
    """What applying changes did."""

    conflicts: list[Conflict]
    """The changes that met others, in the order in which they were applied."""
    rebased: bool
    """Whether changes in the outbox were made to stand on what was applied."""


_POLICIES = {"theirs": 0, "ours": 1, "abort": 2}
_KINDS: tuple[Literal["data", "not_found", "exists", "constraint"], ...] = ("data", "not_found", "exists", "constraint")
_CHANGES: tuple[Literal["inserted", "updated", "deleted"], ...] = ("inserted", "updated", "deleted")
_DECISIONS: tuple[Literal["theirs", "ours"], ...] = ("theirs", "ours")


async def apply(
    target: CallTarget, changes: Any, policy: Any, tables: Optional[Mapping[str, Any]], timeout: TimeLimit
) -> Applied:
    """Applies changes to a target."""
    if not isinstance(changes, (bytes, bytearray, memoryview)):
        raise InvalidArgument(f"changes must be bytes, not a {type(changes).__name__}")
    if tables is not None and not isinstance(tables, Mapping):
        raise InvalidArgument(f"tables must be a mapping from names to policies, not a {type(tables).__name__}")
    of_tables = [(check_text(name, "the name of a table"), _sent(each)) for name, each in (tables or {}).items()]
    reply = await target.write(op.APPLY, timeout, _sent(policy), of_tables, bytes(changes))
    return await _applied(cells_of(reply))


def _sent(policy: Any) -> int | str:
    """Returns a policy as it is sent: its number, or the column of the newest."""
    if isinstance(policy, Newest):
        return check_text(policy.column, "the column of the newest row")
    number = _POLICIES.get(policy) if isinstance(policy, str) else None
    if number is None:
        raise InvalidArgument(f"a policy must be one of {', '.join(_POLICIES)}, or Newest(column), not {policy!r}")
    return number


async def _applied(cells: list[Any]) -> Applied:
    rebased, count = cells[:2]
    at = 2

    def row() -> Optional[dict[str, Any]]:
        nonlocal at
        columns = cells[at]
        first, at = at + 1, at + 1 + 2 * max(columns, 0)
        return None if columns < 0 else dict(zip(cells[first:at:2], cells[first + 1 : at : 2]))

    turn = Yielder()
    conflicts: list[Conflict] = []
    for _ in range(count):
        table, kind, change, decision = cells[at : at + 4]
        at += 4
        key, ours, theirs = row() or {}, row(), row() or {}
        conflicts.append(Conflict(table, _KINDS[kind], _CHANGES[change], key, ours, theirs, _DECISIONS[decision]))
        await turn.over()
    return Applied(conflicts, bool(rebased))
