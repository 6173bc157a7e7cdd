"""The rules for Python's values, one by one."""

from __future__ import annotations

import datetime
import enum
from collections import OrderedDict, UserDict, namedtuple
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from conftest import Run

import ubiqlite

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=2))


class Status(enum.Enum):
    NEW = "new"
    WHEN = datetime.date(2024, 5, 6)


RULES: list[tuple[Any, Any]] = [
    (datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), "2024-05-06T07:08:09.000000000Z"),
    (datetime.datetime(2024, 5, 6, 1, 8, 9, 250, tzinfo=EAST), "2024-05-05T23:08:09.000250000Z"),
    (datetime.date(2024, 5, 6), "2024-05-06"),
    (Decimal("1.10"), "1.10"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Status.NEW, "new"),
    (Status.WHEN, "2024-05-06"),
    ({"a": [1, None, "é", True, 1.5]}, '{"a":[1,null,"é",true,1.5]}'),
    ([], "[]"),
    ({"when": datetime.date(2024, 5, 6), "s": Status.NEW, "t": (1, 2)}, '{"when":"2024-05-06","s":"new","t":[1,2]}'),
    (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
]


def test_each_value_is_stored_by_its_rule(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for value, stored in RULES:
                assert await db.query_value("SELECT ?", (value,)) == stored, value
                assert await db.query_value("SELECT :v", {"v": value}) == stored, value

    run(main())


def test_what_would_be_changed_in_silence_is_refused(run: Run[None]) -> None:
    circular: list[Any] = []
    circular.append(circular)
    refused = [
        datetime.time(1, tzinfo=UTC), {1: 2}, {1}, (1, 2), {"a": {2: 3}}, {"a": b"x"},
        [float("nan")], {"a": {1}}, circular, ["\ud800"], Exception(), int, len,
    ]  # fmt: skip

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for value in refused:
                with pytest.raises(ubiqlite.InvalidArgument, match="parameter 1"):
                    await db.query_value("SELECT ?", (value,))

    run(main())


def test_parameters_may_be_any_sequence_or_mapping(run: Run[None]) -> None:
    pair = namedtuple("pair", "a b")

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            row = await db.query_one("SELECT 1 AS a, 2 AS b")
            for params in ([1, 2], pair(1, 2), row, range(1, 3)):
                assert tuple(await db.query_one("SELECT ?, ?", params)) == (1, 2)
            for named in (OrderedDict(a=1, b=2), UserDict(a=1, b=2)):
                assert tuple(await db.query_one("SELECT :a, :b", named)) == (1, 2)

    run(main())


def test_numbers_of_numpy_are_not_stored_as_their_memory(run: Run[None]) -> None:
    numpy = pytest.importorskip("numpy")

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for value in (numpy.int64(5), numpy.float32(1.5), numpy.array([1, 2])):
                with pytest.raises(ubiqlite.InvalidArgument, match="numpy"):
                    await db.query_value("SELECT ?", (value,))
            assert await db.query_value("SELECT ?", (numpy.float64(1.5),)) == 1.5

    run(main())
