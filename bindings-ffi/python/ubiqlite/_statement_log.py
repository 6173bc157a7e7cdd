"""Calls in a log: the logger ``ubiqlite.statements``."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Optional

from .trace import TracedCall, TraceListener

_STATEMENTS = logging.getLogger("ubiqlite.statements")


def log_statements(slower_than: Optional[timedelta], each: bool) -> Optional[TraceListener]:
    """Returns a listener that logs each statement, or those that ran for long; ``None`` if none is to be logged."""
    if slower_than is None and not each:
        return None

    def log(call: TracedCall) -> None:
        slow = slower_than is not None and call.took(slower_than)
        if not slow and not each:
            return
        level = logging.WARNING if slow else logging.DEBUG
        if _STATEMENTS.isEnabledFor(level):
            _STATEMENTS.log(level, "%s%s", "slow: " if slow else "", _Text(call), extra={"call": call})

    return log


class _Text:
    """A call as one line of text, which is made if it is written."""

    __slots__ = ("_call",)

    def __init__(self, call: TracedCall) -> None:
        self._call = call

    def __str__(self) -> str:
        call = self._call
        parts = [call.summary or "a call"]
        if call.run is not None and call.queue_wait is not None:
            parts.append(f"ran {_millis(call.run)}, waited {_millis(call.queue_wait)}")
        if call.rows is not None:
            parts.append(f"{call.rows} rows")
        if call.rows_changed is not None:
            parts.append(f"{call.rows_changed} changed")
        if call.error is not None:
            parts.append(f"{type(call.error).__name__}: {call.error}")
        return "; ".join(parts) + ("" if call.sql is None else f" | {call.sql}")


def _millis(time: timedelta) -> str:
    return f"{time.total_seconds() * 1000:.3f} ms"
