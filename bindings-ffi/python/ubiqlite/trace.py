"""Calls of a database, as those are told of them who trace it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Callable, Optional


@dataclass(frozen=True)
class TracedCall:
    """A call that is over: what it was, how long it waited and how long it ran.

    Parameters are never told. A stream is one call, from its beginning to its end.
    """

    namespace: str
    """The path that the database was opened with."""
    summary: str
    """What it does in a few words, as ``SELECT items``; empty for a call that the engine has not reported."""
    sql: Optional[str]
    """The SQL, if the call has one text."""
    statements: Optional[int]
    """Of a list for ``batch()``: how many statements it has."""
    started: datetime
    """When it was made, in UTC."""
    duration: timedelta
    """From the call to its end, the way to the engine and back included."""
    queue_wait: Optional[timedelta]
    """How long it waited: in a queue, for a connection, for a lock of another process. ``None`` if it is not known,
    as of a call that was cancelled."""
    run: Optional[timedelta]
    """How long it ran, the commit of a write included, rounded up. ``None`` if it is not known."""
    rows: Optional[int]
    """How many rows it returned, if it is one that returns rows."""
    rows_changed: Optional[int]
    """How many rows it inserted, updated or deleted, if it is one that does."""
    error: Optional[Exception]
    """Why it failed."""

    def took(self, least: timedelta) -> bool:
        """Whether it ran for at least so long. If that is not known, its duration counts: it may have run."""
        return (self.duration if self.run is None else self.run) >= least

    @property
    def operation(self) -> str:
        """The first word of the summary, as ``SELECT``."""
        return self.summary.partition(" ")[0]


TraceListener = Callable[[TracedCall], object]
"""A function that is called with each traced call when it is over."""
