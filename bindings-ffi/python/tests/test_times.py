"""Dates and times: each has one text form, and the texts sort in order of time."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Run

import ubiqlite

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=2))
DEFAULT = "CREATE TABLE visits (id INTEGER PRIMARY KEY, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))"

TEXTS: list[tuple[Any, str]] = [
    (datetime.datetime(2024, 5, 6, 7, 8, 9), "2024-05-06T07:08:09.000000000"),
    (datetime.datetime(2024, 5, 6, 7, 8, 9, 5), "2024-05-06T07:08:09.000005000"),
    (datetime.datetime(1, 1, 1), "0001-01-01T00:00:00.000000000"),
    (datetime.datetime(2024, 5, 6, 1, 8, 9, 250, EAST), "2024-05-05T23:08:09.000250000Z"),
    (datetime.time(7, 8, 9, 5), "07:08:09.000005000"),
    (datetime.time(0), "00:00:00.000000000"),
    (datetime.date(2024, 2, 29), "2024-02-29"),
    (datetime.timedelta(), "PT0S"),
    (datetime.timedelta(days=1, hours=2), "PT26H"),
    (datetime.timedelta(minutes=90), "PT1H30M"),
    (datetime.timedelta(microseconds=-1), "-PT0.000001S"),
    (datetime.timedelta.max, "PT23999999999H59M59.999999S"),
    (datetime.timedelta.min, "-PT23999999976H"),
]


@dataclass
class Visit:
    id: int
    at: datetime.datetime


def test_each_kind_has_one_text_and_is_read_from_it(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for value, text in TEXTS:
                assert await db.query_value("SELECT ?", (value,)) == text
                again = await db.query_value("SELECT ?", (value,), into=type(value))
                assert again == value
                if isinstance(value, datetime.datetime):
                    assert (again.tzinfo is None) == (value.tzinfo is None)
                assert await db.query_value("SELECT ?", ([value],), into=list[type(value)]) == [value]  # type: ignore[misc]

    run(main())


def test_a_text_that_sqlite_or_another_program_wrote_is_read(run: Run[None]) -> None:
    texts = [
        ("2024-05-06 07:08:09", datetime.datetime(2024, 5, 6, 7, 8, 9)),
        ("2024-05-06 07:08", datetime.datetime(2024, 5, 6, 7, 8)),
        ("2024-05-06t07:08:09.5z", datetime.datetime(2024, 5, 6, 7, 8, 9, 500000, UTC)),
        ("2024-05-06T07:08:09.123456789Z", datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)),
        ("2024-05-06T07:08:09-01:30", datetime.datetime(2024, 5, 6, 8, 38, 9, tzinfo=UTC)),
        ("07:08", datetime.time(7, 8)),
        ("P1DT1H", datetime.timedelta(hours=25)),
        ("+P1W", datetime.timedelta(weeks=1)),
        ("PT1.5S", datetime.timedelta(seconds=1.5)),
    ]
    wrong = [
        (datetime.datetime, "2024-5-6 07:08"), (datetime.datetime, "2024-05-06T07:08:09.1234567890Z"),
        (datetime.datetime, "2024-05-06T07:08:09.00000x000Z"), (datetime.datetime, "٢٠٢٤-05-06 07:08"),
        (datetime.datetime, "2024-05-06T07:08+1"), (datetime.datetime, "2024-05-06T07:08:09.000000000Z\n"),
        (datetime.datetime, "2024-05-06T24:00:00.000000000Z"), (datetime.datetime, "20240506T070809.0000000000000Z"),
        (datetime.date, "2023-02-29"), (datetime.date, "2024-W01-1"), (datetime.time, "07"), (datetime.time, "07:08Z"),
        (datetime.timedelta, "P1Y"), (datetime.timedelta, "P"), (datetime.timedelta, "PT"), (datetime.timedelta, "P1DT"),
        (datetime.timedelta, "PT99999999999999H"),
    ]  # fmt: skip

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for text, value in texts:
                found: Any = await db.query_value("SELECT ?", (text,), into=type(value))
                assert (found, type(found)) == (value, type(value)), text
            for kind, text in wrong:
                with pytest.raises(ubiqlite.DatatypeMismatch):
                    print(text, await db.query_value("SELECT ?", (text,), into=kind))

    run(main())


def test_what_has_no_text_that_sorts_is_refused(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            late = datetime.datetime(9999, 12, 31, 23, tzinfo=datetime.timezone(-datetime.timedelta(hours=2)))
            for value in (late, datetime.time(1, tzinfo=UTC)):
                with pytest.raises(ubiqlite.InvalidArgument, match="parameter 1"):
                    await db.query_value("SELECT ?", (value,))
                with pytest.raises(ubiqlite.InvalidArgument, match="parameter 1"):
                    await db.query_value("SELECT ?", ([value],))

    run(main())


def test_the_times_of_a_columns_own_default_have_the_form_of_those_that_are_stored(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.execute(DEFAULT)
            visits = db.table("visits", into=Visit, key=int)
            before = datetime.datetime.now(UTC)
            late = await visits.insert(at=before + datetime.timedelta(hours=1))
            made = await visits.insert()
            early = await visits.insert(at=before - datetime.timedelta(hours=1))
            assert [visit.id for visit in await visits.select().order_by("at").all()] == [early, made, late]
            forms = {re.sub(r"\d", "0", text) for text in await db.query("SELECT at FROM visits", into=str)}
            assert forms == {"0000-00-00T00:00:00.000000000Z"}
            found = await visits.get(made)
            assert found is not None
            # SQLite's clock counts milliseconds.
            assert abs(found.at - before) < datetime.timedelta(minutes=1)
            assert await visits.select().where("at", "<", before - datetime.timedelta(minutes=1)).count() == 1

    run(main())


def test_the_nanoseconds_of_pandas_are_kept_and_what_is_no_moment_is_refused(run: Run[None]) -> None:
    pandas = pytest.importorskip("pandas")
    text = "2024-05-06T07:08:09.123456789"
    texts = [
        (pandas.Timestamp(text), text),
        (pandas.Timestamp(text, tz="UTC").tz_convert(EAST), f"{text}Z"),
        (pandas.Timestamp("2024-05-06"), "2024-05-06T00:00:00.000000000"),
        (pandas.Timedelta(1, "ns"), "PT0.000000001S"),
        (pandas.Timedelta(-1, "ns"), "-PT0.000000001S"),
        (pandas.Timedelta(-1_500_000_001, "ns"), "-PT1.500000001S"),
        (pandas.Timedelta(1500, "us"), "PT0.001500S"),
        (pandas.Timedelta(days=2), "PT48H"),
    ]

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            for value, text in texts:
                assert await db.query_value("SELECT ?", (value,)) == text
                assert await db.query_value("SELECT ? ->> 0", ([value],)) == text
                assert await db.query_value("SELECT ?", (value,), into=type(value)) == value
            for parameter in (pandas.NaT, [pandas.NaT]):
                with pytest.raises(ubiqlite.InvalidArgument, match="parameter 1 is not a moment in time"):
                    await db.query_value("SELECT ?", (parameter,))

    run(main())
