"""python run.py SUBJECT WORK PATH [--quick] [--uvloop]

Runs one work with one subject, and prints one figure per line: {"work":..,"unit":..,"value":..}
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

from works import TASKS, arrow, fill, insert_many, inserts, point_reads, query_stalls, stalls, stream

MODULES = {
    "ubiqlite": "ours",
    "sqlite3": "stdlib",
    "aiosqlite": "aio",
    "ubiqlite.aiosqlite": "drop_in",
    "adbc": "adbc",
    "sqlite+ubiqlite": "orm_ours",
    "sqlite+aiosqlite": "orm_aio",
}
# Slow subjects do fewer operations, never other ones.
SLOWNESS = {"ubiqlite": 1, "sqlite3": 2, "aiosqlite": 10, "ubiqlite.aiosqlite": 4, "adbc": 1}
SLOWNESS |= {"sqlite+ubiqlite": 1, "sqlite+aiosqlite": 1}


async def work(name: str, subject: Any, n: Any) -> Any:
    if name == "create":
        return await fill(subject)
    if name == "point_read":
        return await point_reads(subject, subject.get, 1, n(200_000))
    if name == "point_read_dict":
        return await point_reads(subject, subject.get_dict, 1, n(200_000))
    if name == "point_read_64":
        return await point_reads(subject, subject.get, TASKS, n(200_000))
    if name == "point_read_one_hop":
        return await point_reads(subject, subject.get_in_one_hop, 1, n(200_000))
    if name == "point_read_connect":
        return await point_reads(subject, subject.get_connecting, 1, n(10_000))
    if name.startswith("insert_1"):
        return await inserts(subject, 1, n(3_000 if name.endswith("full") else 20_000), subject.insert)
    if name.startswith("insert_64"):
        insert = subject.insert_apart if "apart" in name else subject.insert
        return await inserts(subject, TASKS, n(20_000 if name.endswith("full") else 50_000), insert)
    if name == "execute_many":
        return await insert_many(subject, 100_000)
    if name == "stream_dicts":
        return await stream(subject, subject.dicts_of_all, "id")
    if name == "stream_rows":
        return await stream(subject, subject.rows_of_all, "id")
    if name == "stream_tuples":
        return await stream(subject, subject.tuples_of_all, 0)
    if name == "arrow":
        return await arrow(subject)
    if name.startswith("orm_"):
        return await orm_work(name, subject, n)
    if name == "stalls":
        return await stalls(subject)
    if name == "query_stalls":
        return await query_stalls(subject)
    raise SystemExit(f"there is no work {name}")


async def orm_work(name: str, subject: Any, n: Any) -> Any:
    # Only these works need SQLAlchemy.
    import orm_works

    if name == "orm_get":
        return await orm_works.gets(subject, 1, n(20_000))
    if name == "orm_get_50":
        return await orm_works.gets(subject, orm_works.SESSIONS, n(20_000))
    if name == "orm_select_1000":
        return await orm_works.select_1000(subject, n(1000) // 5)
    if name == "orm_insert_1000":
        return await orm_works.insert_1000(subject, n(1000) // 10)
    raise SystemExit(f"there is no work {name}")


async def main(subject: str, name: str, path: str, quick: bool) -> None:
    module = importlib.import_module(f"subjects.{MODULES[subject]}")
    opened = await module.open_subject(path, "FULL" if name.endswith("full") else "NORMAL")

    def n(usual: int) -> int:
        return max(TASKS, usual // SLOWNESS[subject] // (10 if quick else 1))

    value = await work(name, opened, n)
    closed = opened.close()
    if not opened.sync:
        await closed
    if isinstance(value, tuple):
        value, busy = value
        print(json.dumps({"work": name + "_busy", "unit": "ms", "value": busy}))
    if value is not None:
        print(json.dumps({"work": name, "unit": "ms" if name.endswith("stalls") else "us", "value": value}))


if __name__ == "__main__":
    options = {"--quick", "--uvloop"}
    given = [argument for argument in sys.argv[1:] if argument not in options]
    run = asyncio.run
    if "--uvloop" in sys.argv:
        import uvloop

        run = uvloop.run
    run(main(*given, "--quick" in sys.argv))  # type: ignore[arg-type]
