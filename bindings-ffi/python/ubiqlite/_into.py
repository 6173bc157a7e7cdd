"""What a row becomes."""

from __future__ import annotations

from typing import Any, Callable, Optional

from ._library import DICTS
from .errors import InvalidArgument

Make = Optional[Callable[[Any], Any]]


def shape(into: Any) -> tuple[int, Make]:
    """How rows are asked for, and what is made of each; ``None``: nothing, or a ``Row``."""
    if into is None or into is tuple:
        return 0, None
    if into is dict:
        return DICTS, None
    if not callable(into):
        raise InvalidArgument("`into` is dict, tuple, or a class that takes the columns by name")
    return DICTS, lambda row: into(**row)
