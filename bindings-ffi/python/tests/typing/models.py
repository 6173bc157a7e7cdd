"""Checks the types of other packages' models. This file is type-checked, never run."""

from __future__ import annotations

from typing import Optional

import attrs
import msgspec
import pydantic
from typing_extensions import assert_type

import ubiqlite


class Model(pydantic.BaseModel):
    """A row as a model of pydantic."""

    id: int


class Struct(msgspec.Struct):
    """A row as a struct of msgspec."""

    id: int


@attrs.define
class Attrs:
    """A row as a class of attrs."""

    id: int


async def models(db: ubiqlite.Database) -> None:
    """Reads and writes each model by its type."""
    assert_type(await db.query("SELECT 1 AS id", into=Model), list[Model])
    assert_type(await db.query_one("SELECT 1 AS id", into=Struct), Struct)
    assert_type(await db.query_optional("SELECT 1 AS id", into=Attrs), Optional[Attrs])
    assert_type(await db.query_value("SELECT '{}'", into=Model), Model)
    table = db.table("items", into=Model, key=int)
    assert_type(await table.insert(Model(id=1)), int)
    assert_type(await table.insert(Struct(1)), int)
    assert_type(await table.insert(Attrs(1)), int)
    assert_type(await table.get(1), Optional[Model])
    await db.execute("SELECT :id", Model(id=1))
