"""Rows as models of pydantic, msgspec and attrs, and models as rows."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import pathlib
import sys
import types
import uuid
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union

import pytest
from conftest import Run

import ubiqlite

attrs = pytest.importorskip("attrs")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")

T = TypeVar("T")
NOW = datetime.datetime(2026, 1, 31, 12, 0, 0, 123456, datetime.timezone.utc)


class Status(enum.Enum):
    NEW = "new"


class PlaceModel(pydantic.BaseModel):
    street: str
    days: list[datetime.date] = pydantic.Field(default_factory=list)


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"
    at: datetime.datetime = NOW


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"


class Tags(pydantic.RootModel[list[str]]):
    pass


class Model(pydantic.BaseModel):
    id: Optional[int] = None
    name: str
    at: datetime.datetime
    yes: bool
    maybe: Optional[bool] = None
    price: Decimal
    key: uuid.UUID
    status: Status
    raw: bytes
    tags: list[str]
    only: set[int]
    pair: tuple[int, str]
    names: dict[int, str]
    place: PlaceModel
    places: list[PlaceModel] = pydantic.Field(default_factory=list)
    pet: Union[Cat, Dog] = pydantic.Field(discriminator="kind")
    roots: Tags
    path: pathlib.Path
    url: pydantic.HttpUrl
    span: datetime.timedelta
    note: Any = None

    @pydantic.computed_field
    @property
    def twice(self) -> int:
        return 2


class StructPlace(msgspec.Struct):
    street: str
    days: list[datetime.date] = msgspec.field(default_factory=list)


class TaggedCat(msgspec.Struct, tag=True):
    at: datetime.datetime


class TaggedDog(msgspec.Struct, tag=True):
    age: int


class Struct(msgspec.Struct, kw_only=True, frozen=True):
    id: Optional[int] = None
    name: str
    at: datetime.datetime
    yes: bool
    maybe: Optional[bool] = None
    price: Decimal
    key: uuid.UUID
    status: Status
    raw: bytes
    raws: list[bytes]
    tags: list[str]
    only: set[int]
    pair: tuple[int, str]
    names: dict[int, str]
    place: StructPlace
    pet: Union[TaggedCat, TaggedDog]
    value: float
    unset: Union[int, msgspec.UnsetType] = msgspec.UNSET
    span: datetime.timedelta


@attrs.frozen
class AttrsPlace:
    street: str
    days: list[datetime.date] = attrs.Factory(list)


@attrs.define
class Attrs:
    id: Optional[int]
    at: datetime.datetime
    yes: bool
    place: AttrsPlace
    _hidden: int = 3
    tags: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    texts: list[str] = attrs.field(factory=list, converter=lambda it: it.split(",") if isinstance(it, str) else it)
    later: int = attrs.field(init=False, default=5)


COMMON: dict[str, Any] = {
    "name": "lamp", "at": NOW, "yes": True, "price": Decimal("1.10"), "key": uuid.UUID(int=7), "status": Status.NEW,
    "raw": b"\0x", "tags": ["a", "é"], "only": {1, 2}, "pair": (1, "x"), "names": {1: "one"},
    "span": datetime.timedelta(hours=25, milliseconds=5),
}  # fmt: skip
OBJECTS: list[tuple[Any, list[str]]] = [
    (
        Model(
            **COMMON, place=PlaceModel(street="Elm", days=[NOW.date()]), places=[PlaceModel(street="Oak")], pet=Cat(),
            roots=Tags(["r"]), path=pathlib.Path("/tmp/x"), url="https://a.example/b?c=d",
        ),
        list(Model.model_fields),
    ),
    (
        Struct(**COMMON, raws=[b"a", b"\0"], place=StructPlace("Elm", [NOW.date()]), pet=TaggedDog(3), value=2),
        list(Struct.__struct_fields__),
    ),
    (
        Attrs(None, NOW, True, AttrsPlace("Elm", [NOW.date()]), 4, ["a"], ["x"]),
        ["id", "at", "yes", "place", "_hidden", "tags", "texts", "later"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "columns"), OBJECTS)
def test_what_is_stored_of_a_model_comes_back_equal(run: Run[None], record: Any, columns: list[str]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(columns[1:])})")
            table = db.table("t", into=type(record), key=int)
            if isinstance(record, Attrs):
                # Its converter takes a string, as SQL stores it.
                assert await table.insert({**attrs.asdict(record), "texts": "x", "tags": ["a"]}) == 1
            else:
                assert await table.insert(record) == 1
            got = await table.get(1)
            assert got is not None
            same = attrs.evolve(record, id=1) if isinstance(record, Attrs) else _with_id(record)
            assert got == same
            if not isinstance(record, Attrs):
                assert await table.insert_many([record] * 3) == 3
                assert await table.upsert(same) == 1
                assert await table.update(2, _with_id(record, 2))
                assert await table.get(4) == _with_id(record, 4)
            text = await db.query_value("SELECT at FROM t WHERE id = 1", into=str)
            assert text == "2026-01-31T12:00:00.123456000Z"
            assert "2026-01-31" in await db.query_value("SELECT place FROM t", into=str)

    run(main())


def _with_id(record: Any, number: int = 1) -> Any:
    if isinstance(record, Struct):
        return msgspec.structs.replace(record, id=number)
    return record.model_copy(update={"id": number})


class Camel(pydantic.BaseModel):
    id: int
    created_at: str = pydantic.Field(alias="createdAt")


class Forbidding(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    id: int


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    id: int


class Exact(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    yes: bool
    at: datetime.datetime
    days: list[datetime.date]
    only: set[int]
    key: uuid.UUID
    status: Status


class Parsing(pydantic.BaseModel):
    numbers: pydantic.Json[list[int]]


class Generic1(pydantic.BaseModel, Generic[T]):
    id: T
    more: list[T]


@pydantic.dataclasses.dataclass
class Checked:
    id: int
    small: int = pydantic.Field(lt=10, default=1)


class Renamed(msgspec.Struct, rename="camel"):
    id: int
    created_at: str


class InOrder(msgspec.Struct, array_like=True):
    id: int
    name: str = "x"


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    id: int


def test_the_rules_of_a_model_are_its_own(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for name in ("createdAt", "created_at"):
                sql = f"SELECT 1 AS id, 'x' AS {name}, 2 AS extra"
                assert await db.query_one(sql, into=Camel) == Camel(id=1, createdAt="x")
                assert await db.query_one(sql, into=Renamed) == Renamed(1, "x")
            sql = "SELECT 1 AS id, 2 AS extra"
            assert (await db.query_one(sql, into=Open)).model_extra == {"extra": 2}
            for closed in (Forbidding, Closed):
                with pytest.raises(ubiqlite.DatatypeMismatch, match="extra") as caught:
                    await db.query_one(sql, into=closed)
                assert caught.value.columns == ("extra",)
            exact = Exact(yes=True, at=NOW, days=[NOW.date()], only={1}, key=uuid.UUID(int=1), status=Status.NEW)
            await db.execute("CREATE TABLE t (yes, at, days, only, key, status)")
            await db.table("t").insert(exact)
            assert await db.query_one("SELECT * FROM t", into=Exact) == exact
            assert (await db.query_one("SELECT '[1,2]' AS numbers", into=Parsing)).numbers == [1, 2]
            assert (await db.query_one("SELECT '1' AS id, '[\"2\"]' AS more", into=Generic1[int])).more == [2]
            assert await db.query_one("SELECT 'a' AS name, 1 AS id, 2 AS x", into=InOrder) == InOrder(1, "a")
            assert await db.query_one("SELECT '[\"r\"]'", into=Tags) == Tags(["r"])
            assert await db.query_value('SELECT \'{"street":"Elm"}\'', into=PlaceModel) == PlaceModel(street="Elm")
            assert await db.query_value('SELECT \'{"street":"Elm"}\'', into=StructPlace) == StructPlace("Elm")
            with pytest.raises(ubiqlite.DatatypeMismatch, match='"name" is missing'):
                await db.query_one("SELECT 1 AS id", into=InOrder)

    run(main())


WRONG: list[tuple[Any, str, str]] = [
    (Model, "SELECT 'x' AS yes", "yes"), (PlaceModel, "SELECT 1 AS street", "street"), (PlaceModel, "SELECT 2 AS no", "street"),
    (PlaceModel, "SELECT 'a' AS street, '[' AS days", "days"), (PlaceModel, "SELECT 'a' AS street, '[1.5]' AS days", "days"),
    (Checked, "SELECT 1 AS id, 10 AS small", "small"), (Checked, "SELECT 'x' AS id", "id"), (Checked, "SELECT 1 AS x", "id"),
    (StructPlace, "SELECT 1 AS street", "street"), (StructPlace, "SELECT 2 AS no", "street"), (StructPlace, "SELECT 'a' AS street, '[1]' AS days", "days"),
    (AttrsPlace, "SELECT 1 AS street", "street"), (AttrsPlace, "SELECT 2 AS no", "street"),
]  # fmt: skip


@pytest.mark.parametrize(("into", "sql", "column"), WRONG)
def test_what_a_model_refuses_is_told_by_the_name_of_the_column(
    run: Run[None], into: Any, sql: str, column: str
) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for query in (db.query_one, db.query):
                with pytest.raises(ubiqlite.DatatypeMismatch, match=column) as caught:
                    await query(sql, into=into)
                assert column in caught.value.columns

    run(main())


class Secret(pydantic.BaseModel):
    password: pydantic.SecretStr


class Raising(pydantic.BaseModel):
    id: int

    @pydantic.field_validator("id")
    @classmethod
    def check(cls, value: int) -> int:
        raise LookupError("mine")


@dataclasses.dataclass
class Outer:
    place: PlaceModel
    struct: StructPlace
    frozen: Optional[AttrsPlace]


def test_models_stand_inside_of_others_and_as_parameters(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            outer = Outer(PlaceModel(street="a", days=[NOW.date()]), StructPlace("b"), AttrsPlace("c"))
            await db.execute("CREATE TABLE t (place, struct, frozen)")
            await db.table("t").insert(outer)
            assert await db.query_one("SELECT * FROM t", into=Outer) == outer
            with pytest.raises(ubiqlite.DatatypeMismatch, match='column "place"'):
                await db.query_one("SELECT '{}' AS place, struct, frozen FROM t", into=Outer)
            for value in (outer.place, outer.struct, outer.frozen):
                stored = await db.query_value("SELECT json_extract(?, '$.street')", (value,), into=str)
                assert stored in "abc"
            assert await db.query_value("SELECT :street || :days", outer.struct) == "b[]"
            assert await db.query_value("SELECT ?", (Tags(["x"]),)) == '["x"]'
            await db.execute_many(
                "INSERT INTO t (place, frozen) VALUES (:street, :days)", [outer.place, outer.struct, outer.frozen]
            )
            assert await db.query_value("SELECT group_concat(place, '') FROM t WHERE struct IS NULL") == "abc"

    run(main())


def test_a_secret_is_not_stored_as_stars_and_no_class_as_a_record(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.execute("CREATE TABLE t (password)")
            table = db.table("t")
            for record in (Secret(password="x"), Secret, PlaceModel, Tags(["x"]), object(), Outer):
                with pytest.raises(ubiqlite.InvalidArgument):
                    await table.insert(record)
            assert await table.count() == 0
            with pytest.raises(LookupError, match=r"^mine$"):
                await db.query_one("SELECT 1 AS id", into=Raising)
            with pytest.raises(ubiqlite.NoSuchColumn):
                await table.insert(PlaceModel(street="a"))

    run(main())


LATER = """
from __future__ import annotations
import datetime
import pydantic

class Parent(pydantic.BaseModel):
    kids: list[Child]
    tree: Tree = None

class Tree(pydantic.RootModel["list[Child]"]):
    pass

class Child(pydantic.BaseModel):
    born: datetime.date

class Early(pydantic.BaseModel):
    cls: list[cls]
    origin: list[origin]
"""


def test_a_model_may_name_what_is_defined_after_it(run: Run[None], monkeypatch: pytest.MonkeyPatch) -> None:
    # Defined again for each run: pydantic resolves names when a model is first used.
    it: Any = types.ModuleType("models_of_later")
    monkeypatch.setitem(sys.modules, it.__name__, it)
    exec(LATER, vars(it))

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            kids = '[{"born":"2026-01-31"}]'
            for _ in range(2):
                parent = await db.query_one("SELECT ? AS kids, ? AS tree", (kids, kids), into=it.Parent)
                assert parent.kids == parent.tree.root == [it.Child(born=NOW.date())]
            # Nor does it find local names of the code that triggers the lookup.
            sql = "SELECT '[1]' AS cls, '[2]' AS origin"
            for into in (it.Early, Annotated[it.Early, "x"]):
                with pytest.raises(pydantic.errors.PydanticUserError, match="not fully defined"):
                    await db.query_one(sql, into=into)
            it.cls = it.origin = int
            for into in (it.Early, Annotated[it.Early, "x"]):
                assert (await db.query_one(sql, into=into)) == it.Early(cls=[1], origin=[2])

    run(main())


class Amount(pydantic.BaseModel):
    a: Union[Decimal, list[int]]
    b: Union[Decimal, PlaceModel, None] = None


def test_a_number_that_is_stored_as_text_keeps_its_digits_where_it_might_be_a_list(run: Run[None]) -> None:
    digits = Decimal("0.1234567890123456789012345")

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.execute("CREATE TABLE t (a, b)")
            amounts = [Amount(a=digits, b=digits), Amount(a=[1, 2], b=PlaceModel(street="x")), Amount(a=digits)]
            await db.table("t").insert_many(amounts)
            assert await db.query("SELECT * FROM t", into=Amount) == amounts

    run(main())


class MaybeParsing(pydantic.BaseModel):
    numbers: Optional[pydantic.Json[list[int]]] = None
    inside: list[pydantic.Json[int]] = pydantic.Field(default_factory=list)


def test_json_that_a_model_parses_itself_may_be_optional(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for sql, numbers in (("'[1,2]'", [1, 2]), ("NULL", None)):
                found = await db.query_one(f"""SELECT {sql} AS numbers, '["3"]' AS inside""", into=MaybeParsing)
                assert (found.numbers, found.inside) == (numbers, [3])

    run(main())
