"""What rows become: classes by their fields, values, functions."""

from __future__ import annotations

import datetime
import enum
import functools
import sys
import types
import typing
from collections import OrderedDict, namedtuple
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypedDict, TypeVar, Union
from uuid import UUID

import pytest
from conftest import Run

import ubiqlite

if typing.TYPE_CHECKING:
    from fractions import Fraction

T = TypeVar("T")
UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)


class Status(enum.Enum):
    NEW = "new"
    SINCE = datetime.date(2024, 5, 6)


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclass
class Place:
    street: str
    number: int = 1


@dataclass(frozen=True)
class Everything:
    id: int
    name: str
    value: float
    raw: bytes
    yes: bool
    at: datetime.datetime
    local: datetime.datetime
    day: datetime.date
    clock: datetime.time
    span: datetime.timedelta
    price: Decimal
    key: UUID
    status: Status
    since: Status
    rights: Rights
    size: Literal["s", "m"]
    tags: list[str]
    counts: dict[str, int]
    pair: tuple[int, str]
    only: frozenset[int]
    days: list[datetime.date]
    by_day: dict[str, list[Decimal]]
    place: Place
    places: list[Place]
    either: Union[int, datetime.date]
    note: Annotated[Optional[str], "a note"] = None
    other: "Optional[Place]" = None  # noqa: UP037 - a string in a string


EVERYTHING = Everything(
    1, "lamp", 5.0, b"\0x", True, NOW, datetime.datetime(2026, 1, 31, 12), datetime.date(2026, 1, 31),
    datetime.time(7, 8, 9, 5), datetime.timedelta(hours=-25, milliseconds=5), Decimal("1.10"), UUID(int=7), Status.NEW,
    Status.SINCE, Rights.READ | Rights.WRITE, "m", ["a", "é"], {"a": 1}, (1, "x"), frozenset({1, 2}),
    [datetime.date(2024, 2, 29)], {"a": [Decimal("0.1")]}, Place("Elm", 2), [Place("Oak")], datetime.date(2020, 1, 1),
)  # fmt: skip


async def table_of(db: ubiqlite.Database, kind: Any, name: str = "t") -> ubiqlite.Table[Any]:
    columns = ", ".join(kind.__dataclass_fields__)
    await db.execute(f"CREATE TABLE {name} ({columns})")
    return db.table(name, into=kind)


def test_what_is_stored_of_a_dataclass_comes_back_equal_in_every_call(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            table = await table_of(db, Everything)
            await table.insert(EVERYTHING)
            assert await table.insert_many([EVERYTHING, EVERYTHING]) == 2
            sql = "SELECT * FROM t"
            assert await db.query(sql, into=Everything) == [EVERYTHING] * 3
            assert await db.query_one(sql, into=Everything) == EVERYTHING
            assert await db.query_optional(sql, into=Everything) == EVERYTHING
            assert [row async for row in db.stream(sql, into=Everything)] == [EVERYTHING] * 3
            assert await table.get(2) == EVERYTHING
            assert await table.select().where("name", "lamp").all() == [EVERYTHING] * 3
            stored = await db.query_one(sql)
            assert stored["by_day"] == '{"a":["0.1"]}'
            assert stored["place"] == '{"street":"Elm","number":2}'
            assert stored["span"] == "-PT24H59M59.995000S"

    run(main())


def test_a_column_without_a_field_is_passed_over_and_a_field_without_a_column_has_its_default(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            sql = "SELECT 'Elm' AS street, 1 AS extra, 2 AS \"no name at all\""
            assert await db.query_one(sql, into=Place) == Place("Elm")
            assert await db.query_one("SELECT 'Elm' AS STREET, 5 AS Number", into=Place) == Place("Elm", 5)
            for query in (db.query_one, db.query):
                with pytest.raises(ubiqlite.DatatypeMismatch, match='column "street" is missing: Place has') as caught:
                    await query("SELECT 1 AS number, 2 AS road", into=Place)
                assert caught.value.columns == ("street",)
            with pytest.raises(ubiqlite.DatatypeMismatch, match="street"):
                async for _ in db.stream("SELECT 1 AS number", into=Place):
                    pass
            assert await db.query("SELECT 1 AS number WHERE 0", into=Place) == []

    run(main())


WRONG = [
    ("id", "'x'", "'x' is not an integer"), ("id", "1.0", "1.0 is not an integer"),
    ("id", "NULL", "NULL is not an integer"),
    ("name", "x'00'", "a blob of 1 bytes is not text"), ("value", "'1'", "not a number"),
    ("value", "9007199254740993", "without rounding"), ("yes", "2", "not a bool"), ("yes", "'true'", "not a bool"),
    ("at", "1769860800", "not a date with a time"), ("at", "'2026-01-31'", "not a date with a time"),
    ("at", "'2026-13-31T00:00:00Z'", "month"), ("day", "'2026-01-31 00:00:00'", "not a date alone"),
    ("clock", "'25:00'", "hour"), ("span", "'P1M'", "not a length of time"), ("span", "'PT'", "not a length of time"),
    ("price", "'x'", "not a decimal"), ("key", "'x'", "not a UUID"), ("key", "x'00'", "not a UUID"),
    ("status", "'old'", "not a Status"), ("size", "'l'", "not one of 's', 'm'"),
    ("tags", "'[1]'", r"\[0\]: 1 is not text"),
    ("tags", "'{}'", "not a list"), ("tags", "'['", "unexpected JSON"), ("tags", "5", "not JSON text"),
    ("counts", "'{\"a\":true}'", r"\['a'\]: True is not an integer"), ("pair", "'[1]'", "not a list of 2"),
    ("place", "'{}'", 'missing "street"'), ("places", "'[{\"street\":1}]'", r"\[0\]: street: 1 is not text"),
    ("either", "'x'", "not an integer; 'x' is not a date alone"), ("note", "5", "not text"),
]  # fmt: skip


def test_a_value_of_another_type_is_refused_by_the_name_of_its_column(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            table = await table_of(db, Everything)
            await table.insert(EVERYTHING)
            for column, value, why in WRONG:
                others = ", ".join(name for name in Everything.__dataclass_fields__ if name != column)
                with pytest.raises(ubiqlite.DatatypeMismatch, match=why) as caught:
                    await db.query(f"SELECT {others}, {value} AS {column} FROM t", into=Everything)
                assert caught.value.columns == (column,), column
                assert str(caught.value).startswith(f'column "{column}": ')

    run(main())


def test_what_other_programs_store_is_read_too(run: Run[None]) -> None:
    @dataclass
    class Found:
        __annotations__ = {
            "at": datetime.datetime, "price": Decimal, "key": UUID, "value": float, "yes": Optional[bool],
            "raw": bytes, "late": datetime.datetime, "tags": Optional[list[int]], "word": Optional[str],
        }  # fmt: skip

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            sql = (
                "SELECT '2026-01-31 12:00:00' AS at, 1.5 AS price, x'00000000000000000000000000000007' AS key,"
                " 2 AS value, NULL AS yes, 'é' AS raw, '2026-01-31T12:00:00.123456789+01:30' AS late,"
                " 'null' AS tags, 'null' AS word"
            )
            found = await db.query_one(sql, into=Found)
            east = datetime.timezone(datetime.timedelta(minutes=90))
            assert found == Found(  # type: ignore[call-arg]
                datetime.datetime(2026, 1, 31, 12), Decimal("1.5"), UUID(int=7), 2.0, None, "é".encode(),
                datetime.datetime(2026, 1, 31, 12, 0, 0, 123456, east), None, "null",
            )  # fmt: skip
            assert type(found.value) is float  # type: ignore[attr-defined]

    run(main())


@dataclass
class Base(Generic[T]):
    id: T
    tags: list[T] = field(default_factory=list)


@dataclass
class Child(Base[int]):
    name: str = "none"


@dataclass
class Made:
    id: int
    factor: InitVar[int]
    twice: int = field(init=False)
    hidden: typing.ClassVar[int] = 7

    def __post_init__(self, factor: int) -> None:
        self.twice = self.id * factor


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)


class Slotted:
    __slots__ = ("name", "number")

    def __init__(self, number: int, *, name: str = "x") -> None:
        self.number, self.name = number, name


def test_dataclasses_of_every_kind_are_made_by_their_own_rules(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            row = "SELECT 3 AS id, '[1,2]' AS tags, 'n' AS name"
            assert await db.query_one(row, into=Child) == Child(3, [1, 2], "n")
            assert await db.query_one(row, into=Base[int]) == Base(3, [1, 2])
            assert await db.query_one("SELECT 'a' AS id, '[\"b\"]' AS tags", into=Base[str]) == Base("a", ["b"])
            assert await db.query_one("SELECT 'a' AS id", into=Base) == Base("a")
            with pytest.raises(ubiqlite.DatatypeMismatch, match="id"):
                await db.query_one("SELECT 'a' AS id", into=Base[int])
            with pytest.raises(ubiqlite.DatatypeMismatch, match="tags"):
                await db.query_one("SELECT 3 AS id, '[\"a\"]' AS tags", into=Child)
            made = await db.query_one("SELECT 4 AS id, 10 AS factor, 1 AS twice, 2 AS hidden", into=Made)
            assert (made.id, made.twice) == (4, 40)
            tree = Node("a", [Node("b", [Node("c")]), Node("d")])
            table = await table_of(db, Node)
            await table.insert(tree)
            assert await table.get(1) == tree
            slotted = await db.query_one("SELECT 1 AS number, 'y' AS name, 2 AS z", into=Slotted)
            assert (slotted.number, slotted.name) == (1, "y")
            if sys.version_info >= (3, 10):
                assert await db.query_one("SELECT 'b' AS b, 1 AS a", into=Keywords) == Keywords(a=1, b="b")

    run(main())


if sys.version_info >= (3, 10):

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Keywords:
        a: int
        b: str = "x"


@dataclass
class Hidden:
    id: int
    part: Fraction
    also: Optional[int] | None = None  # type: ignore[unused-ignore]


def test_an_annotation_that_is_not_there_at_run_time_is_told_and_only_where_it_matters(run: Run[None]) -> None:
    @dataclass
    class Local:
        id: int
        next: Optional[Local] = None

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            with pytest.raises(
                ubiqlite.InvalidArgument, match=r"Hidden.part: the annotation 'Fraction' can't .*run time"
            ):
                await db.query_one("SELECT 1 AS id, '1/2' AS part", into=Hidden)
            sql = "SELECT 1 AS id, '{\"id\":2}' AS next"
            assert await db.query_one(sql, into=Local) == Local(1, Local(2))
            with pytest.raises(ubiqlite.DatatypeMismatch, match="also"):
                await db.query_one("SELECT 1 AS id, 'x' AS also", into=functools.partial(Hidden, part=1).func)

    run(main())


class Pair(NamedTuple):
    id: int
    at: Optional[datetime.datetime] = None


class Loose(TypedDict, total=False):
    id: int
    tags: list[int]


class Strict(Loose):
    name: str


def test_named_tuples_and_typed_dicts_are_read_by_name(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            text = "2026-01-31T12:00:00.123456000Z"
            assert await db.query_one("SELECT ? AS at, 1 AS id, 2 AS z", (text,), into=Pair) == Pair(1, NOW)
            assert await db.query_one("SELECT 1 AS id", into=Pair) == Pair(1)
            bare = namedtuple("bare", "a b", defaults=[5])
            assert await db.query_one("SELECT 1 AS a", into=bare) == bare(1, 5)
            sql = "SELECT 'n' AS name, '[1]' AS tags, 3 AS z"
            assert await db.query_one(sql, into=Strict) == {"name": "n", "tags": [1]}
            with pytest.raises(ubiqlite.DatatypeMismatch, match="name"):
                await db.query_one("SELECT 1 AS id", into=Strict)
            await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, at, name, tags)")
            table = db.table("t", key=int)
            assert await table.insert(Pair(1, NOW)) == 1
            record: Strict = {"name": "n", "tags": [1]}
            assert await table.insert(record) == 2
            assert await db.table("t", into=Pair).get(1) == Pair(1, NOW)

    run(main())


def test_one_column_becomes_its_value(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            assert await db.query("VALUES (1), (2)", into=int) == [1, 2]
            assert await db.query_one("SELECT 'new'", into=Status) is Status.NEW
            assert await db.query("VALUES (1), (NULL)", into=Optional[int]) == [1, None]  # type: ignore[call-overload]
            assert await db.query_one("SELECT 1, '2026-01-31'", into=tuple[int, datetime.date]) == (1, NOW.date())
            assert await db.query_one("SELECT 1, 2, 3", into=tuple[int, ...]) == (1, 2, 3)
            assert await db.query_one("SELECT 1, 2, 2", into=list) == [1, 2, 2]
            assert await db.query_one("SELECT 1 AS a, 0 AS b", into=dict[str, bool]) == {"a": True, "b": False}
            with pytest.raises(ubiqlite.InvalidArgument, match="2 columns can't be read as one int"):
                await db.query("SELECT 1, 2", into=int)
            with pytest.raises(ubiqlite.InvalidArgument, match="tuple of 1"):
                await db.query("SELECT 1, 2", into=tuple[int])
            with pytest.raises(ubiqlite.DatatypeMismatch, match="column \"x\": 'a' is not an integer"):
                await db.query("SELECT 'a' AS x", into=int)

    run(main())


def test_a_value_is_of_the_type_that_is_asked_for(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            assert await db.query_value("SELECT count(*)", into=int) == 1
            assert await db.query_value("SELECT NULL", into=Optional[int]) is None  # type: ignore[call-overload]
            assert await db.query_value("SELECT '2026-01-31'", into=datetime.date) == NOW.date()
            assert await db.query_value('SELECT \'{"street":"Elm"}\'', into=Place) == Place("Elm")
            assert await db.query_value("SELECT '[1]'", into=list[int]) == [1]
            assert await db.query_value("SELECT 'a,b'", into=lambda text: text.split(",")) == ["a", "b"]
            for sql in ("SELECT NULL AS n", "SELECT 'x' AS n"):
                with pytest.raises(ubiqlite.DatatypeMismatch, match='column "n"'):
                    await db.query_value(sql, into=int)
            with pytest.raises(ubiqlite.NotFound):
                await db.query_value("SELECT 1 WHERE 0", into=int)

    run(main())


class Counted:
    def __init__(self, **columns: Any) -> None:
        self.columns = columns

    @classmethod
    def of_row(cls, row: ubiqlite.Row) -> Counted:
        return cls(**dict(row))


def test_functions_are_given_what_they_take(run: Run[None]) -> None:
    def of_place(a: Any, b: Any, /) -> Any:
        return (a, b)

    def some(number: int, extra: int = 9) -> Any:
        return (number, extra)

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            sql = "SELECT 1 AS number, 'a' AS name"
            both = {"number": 1, "name": "a"}
            takes: list[tuple[Any, Any]] = [
                (lambda number, name: (number, name), (1, "a")), (lambda **all: all, both), (lambda name, **rest: (name, rest), ("a", {"number": 1})),
                (lambda *values: values, (1, "a")), (lambda row: row["name"], "a"), (some, (1, 9)), (of_place, (1, "a")),
                (functools.partial(some, extra=3), (1, 3)), (OrderedDict, both), (types.SimpleNamespace, types.SimpleNamespace(**both)),
                (lambda name: name, "a"), (lambda name, /: name["number"], 1), (ubiqlite.Row, (1, "a")),
            ]  # fmt: skip
            for into, made in takes:
                assert await db.query_one(sql, into=into) == made
                assert await db.query(sql, into=into) == [made]
                assert [row async for row in db.stream(sql, into=into)] == [made]
            assert (await db.query_one(sql, into=Counted)).columns == both
            assert (await db.query_one(sql, into=Counted.of_row)).columns == both
            with pytest.raises(ubiqlite.DatatypeMismatch, match='"other" is missing'):
                await db.query_one(sql, into=lambda number, other: number)
            for no in ("dict", 5, [int]):
                with pytest.raises(ubiqlite.InvalidArgument, match="`into` must be"):
                    await db.query("SELECT 1 WHERE 0", into=no)  # type: ignore[call-overload]

    run(main())


@dataclass
class Refusing:
    number: int

    def __post_init__(self) -> None:
        raise LookupError("mine")


def test_what_a_class_or_function_raises_comes_out_unchanged(run: Run[None]) -> None:
    def refuse(number: int) -> Any:
        raise LookupError("mine")

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for into in (Refusing, refuse):
                with pytest.raises(LookupError, match=r"^mine$"):
                    await db.query_one("SELECT 1 AS number", into=into)
                with pytest.raises(LookupError, match=r"^mine$"):
                    async for _ in db.stream("SELECT 1 AS number", into=into):
                        pass

    run(main())


def test_the_names_of_columns_are_known_whatever_the_row_before_became(run: Run[None]) -> None:
    async def main() -> None:
        kinds: list[Any] = [tuple, None, dict, Place, Place, dict, None, tuple]
        async with ubiqlite.open(":memory:") as db:
            for turn in range(len(kinds)):
                sql = f"SELECT 'Elm' AS street, {turn} AS number"
                for into in kinds[turn:] + kinds[:turn]:
                    row = await db.query_one(sql, into=into)
                    street = row.street if into is Place else row[0] if into is tuple else row["street"]
                    assert street == "Elm"

    run(main())


def test_a_class_gets_the_columns_of_each_statement_and_not_those_of_another(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for _ in range(2):
                assert await db.query_one("SELECT 'a' AS street, 2 AS number", into=Place) == Place("a", 2)
                assert await db.query_one("SELECT 2 AS number, 'a' AS street", into=Place) == Place("a", 2)
                assert await db.query_one("SELECT 'a' AS street", into=Place) == Place("a")
            for width in range(1500):
                assert await db.query_one(f"SELECT 'a' AS street, 1 AS c{width}", into=Place) == Place("a")

    run(main())


@dataclass
class Renamed:
    name: str = field(metadata={"column": "first name"})
    other: str = field(metadata={"column": "name"})
    plain: Optional[int] = field(default=None, metadata={"unit": "m"})


def test_a_field_that_names_its_column_is_read_from_it_and_written_to_it(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch('CREATE TABLE t ("first name" TEXT PRIMARY KEY, name TEXT, plain INTEGER)')
            table = db.table("t", into=Renamed)
            await table.insert(Renamed("a", "b", 3))
            assert await table.get("a") == Renamed("a", "b", 3)
            assert await db.query_one("SELECT * FROM t", into=tuple) == ("a", "b", 3)
            # In JSON too.
            nested = await db.query_value("SELECT ?", (Renamed("a", "b"),))
            assert nested == '{"first name":"a","name":"b","plain":null}'
            assert await db.query_value("SELECT ?", (nested,), into=Renamed) == Renamed("a", "b")
            with pytest.raises(ubiqlite.DatatypeMismatch, match="first name"):
                await db.query_one("SELECT name, plain FROM t", into=Renamed)

    run(main())
