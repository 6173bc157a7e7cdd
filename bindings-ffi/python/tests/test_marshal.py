"""The library's `marshal` against Python's own: every value survives the round trip."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from conftest import Run

import ubiqlite

EDGES: list[Any] = [
    None, 0, 1, -1, 2**15 - 1, 2**15, -(2**15), 2**30, -(2**30), 2**31 - 1, 2**31, -(2**31), -(2**31) - 1,
    2**45, 2**60, -(2**60), 2**63 - 1, -(2**63), 0.0, -0.0, 1.5, 5e-324, 1.7e308, float("inf"), float("-inf"),
    "", "a", "a" * 255, "a" * 256, "a" * 70_000, "é", "\0", "a\0b", "日本" * 300, "\U0001f600", "é" * 255,
    b"", b"\0", b"\xff" * 300, b"x" * 70_000,
]  # fmt: skip


def same(left: Any, right: Any) -> bool:
    """Compares bit by bit, and by type."""
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    return type(left) is type(right) and left == right


def anything(random: random.Random) -> Any:
    """Returns a random value of any kind and size."""
    kind = random.randrange(8)
    if kind == 0:
        return random.choice(EDGES)
    if kind == 1:
        return random.getrandbits(random.randrange(1, 64)) * random.choice((1, -1))
    if kind == 2:
        return random.uniform(-1e9, 1e9)
    if kind == 3:
        return random.randbytes(random.randrange(400)) if hasattr(random, "randbytes") else b"x"
    letters = (0x7F, 0xFF, 0xD7FF, 0x10FFFF)[random.randrange(4)]
    codes = (random.randrange(letters + 1) for _ in range(random.randrange(300)))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


@pytest.mark.parametrize("into", [tuple, dict, None])
def test_every_value_comes_back_as_it_went(run: Run[None], into: Any) -> None:
    async def main() -> None:
        source = random.Random(5)
        async with ubiqlite.open(":memory:") as db:
            for value in EDGES:
                assert same(await db.query_value("SELECT ?", (value,)), value), value
            for _ in range(1000):
                values = [anything(source) for _ in range(source.randrange(1, 12))]
                sql = "SELECT " + ", ".join(f"? AS c{place}" for place in range(len(values)))
                row = await db.query_one(sql, values, into=into)
                found = list(row.values()) if into is dict else list(row)
                assert all(map(same, values, found)), (values, found)
                named = {f"p{place}": value for place, value in enumerate(values)}
                sql = "SELECT " + ", ".join(f":{name} AS {name}" for name in named)
                assert all(map(same, values, await db.query_one(sql, named)))

    run(main())


def test_a_row_of_more_columns_than_a_byte_counts(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for width in (255, 256, 1000):
                sql = "SELECT " + ", ".join(f"{place} AS c{place}" for place in range(width))
                assert tuple(await db.query_one(sql)) == tuple(range(width))
                assert await db.query_one(sql, into=dict) == {f"c{place}": place for place in range(width)}

    run(main())


def test_names_that_are_told_once_are_known_in_replies_of_any_order(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            # More lists of names than are cached, and results larger than the buffer for them.
            for round_ in range(3):
                for number in range(700):
                    row = await db.query_one(f"SELECT {number} AS n{number}, zeroblob(?) AS z", (number * 200,))
                    assert row.columns == (f"n{number}", "z"), round_
                    assert row[f"n{number}"] == number
                    assert len(row["z"]) == number * 200

    run(main())


def test_a_row_that_waits_while_others_come_keeps_its_names(run: Run[None], path: str) -> None:
    # In the meantime more lists of names arrive than are cached.
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            many = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 20000) SELECT i AS own FROM r"
            seen = 0
            async for row in db.stream(many):
                seen += 1
                assert row["own"] == seen
                if seen % 4000 == 1:
                    for number in range(600):
                        await db.query_one(f"SELECT 1 AS other{number}", into=(None, dict)[number % 2])
                        await db.query_one(f"SELECT 1 AS other{number}")
            assert seen == 20000

    run(main())


def test_what_marshal_would_take_for_something_else_is_refused_or_converted(run: Run[None]) -> None:
    import array
    import enum

    class Color(enum.IntEnum):
        RED = 3

    class Text(str):
        pass

    class Number(int):
        pass

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            value = db.query_value
            assert await value("SELECT ?", (Color.RED,)) == 3
            assert same(await value("SELECT ?", (Text("é"),)), "é")
            assert same(await value("SELECT ?", (Number(7),)), 7)
            assert same(await value("SELECT ?", (True,)), 1)
            assert same(await value("SELECT ?", (bytearray(b"ab"),)), b"ab")
            assert same(await value("SELECT ?", (memoryview(b"abcd")[::2],)), b"ac")
            refused: list[Any] = [
                {1}, frozenset(), 1j, ..., StopIteration, compile("1", "", "eval"), (1, 2), object(), range(3),
                array.array("i", [1]), 2**63, -(2**63) - 1, 10**40, "\ud800",
            ]  # fmt: skip
            for index, wrong in enumerate(refused):
                with pytest.raises(ubiqlite.InvalidArgument, match="parameter 2"):
                    await value("SELECT ?, ?", (index, wrong))
                with pytest.raises(ubiqlite.InvalidArgument, match="parameter 'b'"):
                    await value("SELECT :a, :b", {"a": 1, "b": wrong})
            for params in ("ab", 7, {1}, b"ab", iter([1])):
                with pytest.raises(ubiqlite.InvalidArgument, match="parameters must be"):
                    await value("SELECT ?", params)  # type: ignore[arg-type]
            for sql in (None, b"SELECT 1", 7, ("SELECT 1",)):
                with pytest.raises(ubiqlite.InvalidArgument, match="SQL must be a string"):
                    await value(sql)  # type: ignore[arg-type]

    run(main())
