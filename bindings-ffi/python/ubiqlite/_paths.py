"""Paths of files, as they are passed to the engine."""

from __future__ import annotations

import os
from typing import Any

from .errors import InvalidArgument


def path_of(path: Any, what: str) -> str:
    """Returns a path as text. Raises ``InvalidArgument``, with ``what`` it is the path of, if it is not one."""
    try:
        text = os.fspath(path)
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise InvalidArgument(f"the path {what} must be a string, not {type(path).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"the path {what} is not UTF-8") from None
    return text
