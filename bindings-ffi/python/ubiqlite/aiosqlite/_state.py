"""What a cursor says of its last statement, whichever API it has."""

from __future__ import annotations

from typing import Any, Optional

from . import _cursor

__all__ = ["CursorState"]


class CursorState:
    """What the cursor beneath has to say."""

    __slots__ = ()

    _cursor: _cursor.Cursor

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed; -1 for a statement that does not change rows."""
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> Optional[int]:
        """The row id of the last row inserted."""
        return self._cursor.lastrowid

    @property
    def arraysize(self) -> int:
        """How many rows ``fetchmany()`` returns; 1 by default."""
        return self._cursor.arraysize

    @arraysize.setter
    def arraysize(self, value: int) -> None:
        self._cursor.arraysize = value

    @property
    def description(self) -> Optional[tuple[tuple[Any, ...], ...]]:
        """The columns' names, each followed by six ``None``; ``None`` if the statement has no rows."""
        return self._cursor.description
