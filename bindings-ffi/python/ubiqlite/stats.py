"""What a database has done and is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Optional

from . import _ops as op
from ._client import cells_of
from ._target import CallTarget, TimeLimit


@dataclass(frozen=True)
class Spent:
    """How many times something took time, and how long."""

    count: int
    """How many times."""
    total: timedelta
    """The sum of their durations."""
    longest: timedelta
    """The longest duration."""


@dataclass(frozen=True)
class Stats:
    """What a database has done since it was opened in this process, and is doing now.

    Numbers of things done only grow.
    """

    connections: int
    """Connections to the file that are open now."""
    busy_readers: int
    """Readers in use now. At the limit for long: reads are slow, or snapshots and streams are kept open."""
    busy_sessions: int
    """Sessions in use now. One that stays up was not given back."""
    waiting_reads: int
    """Reads, snapshots and streams that wait for a reader now."""
    waiting_writes: int
    """Writes and transactions that wait for their turn now. Many for long: see ``transaction_age``, ``write_runs``."""
    waiting_sessions: int
    """Callers that wait for a session now."""
    read_waits: Spent
    """How long reads, snapshots and streams waited, of those that found no reader free."""
    write_waits: Spent
    """How long writes and transactions waited for their turn, of those that went through the queue."""
    session_waits: Spent
    """How long callers waited, of those that found no session free."""
    read_runs: Spent
    """How long reads ran, of those that were too long to run within their call."""
    write_runs: Spent
    """How long the writer worked for each group of writes, with its commit. Long with few writes: the disk is slow."""
    transactions: Spent
    """How long transactions, and others that had the writer for themselves, held it. Other writes wait meanwhile."""
    transaction_age: Optional[timedelta]
    """How long the one that has the writer now has held it; ``None`` if nobody has."""
    commits: int
    """Commits of writes and of transactions."""
    writes: int
    """Writes that were committed outside transactions."""
    largest_group: int
    """The most writes that have shared a commit."""
    rollbacks: int
    """Transactions and writes that were rolled back."""
    statement_hits: int
    """Statements that ran and had been compiled before."""
    statement_misses: int
    """Statements that were compiled. A rate near that of the hits: values stand in SQL texts instead of parameters."""
    page_hits: int
    """Pages that SQLite found in its caches."""
    page_misses: int
    """Pages that it read from the file or the log. A rate near that of the hits: the cache is small, or an index is
    missing."""
    page_spills: int
    """Pages that it wrote in the middle of a transaction, which changed more than the cache holds."""
    log_pages: int
    """Pages in the write-ahead log; 0 in other journal modes. Thousands, and growing: see ``oldest_reader``."""
    log_uncopied: int
    """Pages in the log that were not copied into the database yet."""
    checkpoints: int
    """Times that the log was copied into the database."""
    checkpoints_blocked: int
    """Times that the log could not be emptied after that, since somebody was reading from it."""
    pages: int
    """Pages of the database."""
    page_size: int
    """Bytes of a page."""
    oldest_reader: Optional[timedelta]
    """How long the oldest read under way has kept its moment; the log can't be emptied before it ends."""
    watched_queries: int
    """Queries that are watched, equal ones once."""


async def stats(target: CallTarget, timeout: TimeLimit) -> Stats:
    """Asks for the statistics of the database."""
    cells = cells_of(await target.call(op.STATS, timeout))
    found: dict[str, Any] = {}
    for name, value in zip(cells[::2], cells[1::2]):
        first, _, part = name.partition(".")
        if name.endswith("_ns"):
            first, part = first.removesuffix("_ns") if not part else first, part.removesuffix("_ns")
            value = None if value is None else timedelta(microseconds=value / 1000)
        if part:
            found.setdefault(first, {})[part] = value
        else:
            found[first] = value
    whole: dict[str, Any] = {
        name: Spent(**value) if isinstance(value, dict) else value for name, value in found.items()
    }
    return Stats(**whole)
