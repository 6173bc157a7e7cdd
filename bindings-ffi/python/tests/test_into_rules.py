"""What rows become: how annotations are looked up, and what is kept of them between calls."""

from __future__ import annotations

import sys
import typing
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Optional, Union

import pytest
from conftest import Run

import ubiqlite

if typing.TYPE_CHECKING:
    from fractions import Fraction

SLOTS: dict[str, Any] = {"slots": True} if sys.version_info >= (3, 10) else {}


@dataclass
class Part:
    good: int
    bad: Fraction


@dataclass
class Whole:
    part: Part


def test_an_annotation_that_cannot_be_resolved_is_told_for_each_row(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for _ in range(3):
                with pytest.raises(ubiqlite.InvalidArgument, match="Fraction"):
                    await db.query_one("""SELECT '{"good":1,"bad":"1/2"}' AS part""", into=Whole)
                with pytest.raises(ubiqlite.InvalidArgument, match="Fraction"):
                    await db.query_value("""SELECT '{"good":1,"bad":"1/2"}'""", into=Part)

    run(main())


@dataclass
class WithDefault:
    date: Optional[date] = None
    other: Optional[Fraction] = None


@dataclass(**SLOTS)
class WithSlots:
    date: date
    other: Optional[Fraction] = None


@dataclass
class WithOwn:
    class Kind(str):
        pass

    kind: Kind
    other: Optional[Fraction] = None


def test_a_field_with_the_name_of_its_type_has_that_type(run: Run[None]) -> None:
    day = date(2026, 1, 31)

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            sql = "SELECT '2026-01-31' AS date"
            for into in (WithDefault, WithSlots):
                assert await db.query_one(sql, into=into) == into(day)
            with pytest.raises(ubiqlite.DatatypeMismatch, match="date"):
                await db.query_one("SELECT 'x' AS date", into=WithDefault)
            # A name that is defined only in the class is still found.
            assert type((await db.query_one("SELECT 'a' AS kind", into=WithOwn)).kind) is WithOwn.Kind

    run(main())


def test_a_type_without_a_hash_is_read_as_any_other(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            into: Any = Annotated[int, []]
            for _ in range(2):
                assert await db.query_value("SELECT 1", into=into) == 1
                assert await db.query("SELECT 1", into=into) == [1]
                assert await db.query_value("SELECT '[1]'", into=list[into]) == [1]

    run(main())


@dataclass
class Left:
    id: int


@dataclass
class Right:
    id: int


def test_the_first_of_several_types_is_that_of_the_call_and_not_of_one_before(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for first, second in ((Left, Right), (Right, Left), (Left, Right)):
                either: Any = Union[first, second]
                for into, text, value in (
                    (either, '{"id":1}', first(1)),
                    (list[either], '[{"id":1}]', [first(1)]),
                    (dict[str, list[either]], '{"a":[{"id":1}]}', {"a": [first(1)]}),
                ):
                    assert await db.query_value("SELECT ?", (text,), into=into) == value
                    assert await db.query_one(
                        "SELECT ? AS x", (text,), into=into if into is either else list[into]
                    ) == (value if into is either else [value])
            # A value that only looks like the cached one is not taken for it.
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.query_value("SELECT 1", into=(list[int], (int,)))  # type: ignore[call-overload]

    run(main())
