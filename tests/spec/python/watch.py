"""The results of a watch, each checked against the one before."""

from __future__ import annotations

from typing import Any

import ubiqlite

from data import Failure, Update
from values import from_count, from_rows


class Watching:
    """A watch of one query or of several, which ends with its block, and what it returned last."""

    def __init__(self, watch: ubiqlite.Watch[ubiqlite.Row] | ubiqlite.WatchAll, queries: int | None = None) -> None:
        self._watch = watch
        self._all = None if queries is None else [_Results() for _ in range(queries)]
        self._one = _Results()

    async def __aenter__(self) -> Watching:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._watch.aclose()
        # The first failure is the one to report.
        if kind is None and await self.next() is not None:
            raise Failure("a watch goes on after its end")

    async def next(self) -> Any:
        """Returns the next result, or None if the watch has ended."""
        try:
            update: Any = await self._watch.__anext__()
        except StopAsyncIteration:
            return None
        if self._all is None:
            return self._one.take(update)
        if type(update) is not tuple or len(update) != len(self._all):
            raise Failure(f"there is not one result for each query: {update}")
        if len({each.moment for each in update}) != 1:
            raise Failure("the results are not of one moment")
        return [vars(results.take(each)) for results, each in zip(self._all, update)]


class _Results:
    """The results of one query, each checked against the one before."""

    def __init__(self) -> None:
        self._rows: list[Any] = []
        self._moment = 0
        self._is_first = True

    def take(self, update: ubiqlite.Update[ubiqlite.Row]) -> Update:
        before, self._rows = self._rows, list(update.rows)
        rows = from_rows(update.rows)
        made = Update(
            rows,
            _positions(update.added, len(rows)),
            _positions(update.removed, len(before)),
            _positions(update.updated, len(rows)),
        )
        differs = {*made.added, *made.updated}
        whole = made.added == list(range(len(rows))) and not made.removed and not made.updated
        if len(differs) != len(made.added) + len(made.updated) or (self._is_first and not whole):
            raise Failure(f"what differs in {len(rows)} rows is {made}")
        if len(rows) + len(made.removed) != len(before) + len(made.added):
            raise Failure(f"what differs does not lead from {len(before)} rows to {len(rows)}: {made}")
        if from_count(update.moment) < self._moment:
            raise Failure(f"moment {update.moment} came after {self._moment}")
        known = {id(row) for row in before}
        for position, row in enumerate(self._rows):
            if (id(row) in known) == (position in differs):
                raise Failure(f"row {position} is the same object and differs, or neither")
        self._moment, self._is_first = update.moment, False
        return made


def _positions(positions: Any, rows: int) -> list[int]:
    if type(positions) is not list or any(type(position) is not int for position in positions):
        raise Failure(f"positions are {positions!r}")
    if sorted(set(positions)) != positions or any(position not in range(rows) for position in positions):
        raise Failure(f"positions in {rows} rows are {positions}")
    return positions
