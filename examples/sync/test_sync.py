"""What the example promises: it runs, and devices agree in the end, whatever is lost between them and the server."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

import device
from device import Device
from server import serve

HERE = Path(__file__).parent
ONE_OF = ["a", "b", "c", "d"]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server that has nothing yet."""
    server = serve(str(tmp_path / "server.db"), 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def contents(of: Device) -> list[Any]:
    items = await of.db.query("SELECT * FROM items ORDER BY id", into=tuple)
    return items + await of.db.query("SELECT * FROM notes ORDER BY id", into=tuple)


async def waits(of: Device) -> int:
    return await of.db.query_value("SELECT count(*) FROM ubiqlite_outbox", into=int)


def test_the_story_ends_well_and_its_conflicts_are_printed() -> None:
    command = [sys.executable, "-W", "error", str(HERE / "demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout.splitlines()
    assert [line for line in told if "synchronised" in line] == [
        "  phone   synchronised, no conflicts",
        "  laptop  synchronised, no conflicts",
        "  phone   synchronised, no conflicts",
        "  laptop  synchronised, 2 conflicts",
        "  phone   synchronised, no conflicts",
    ]
    conflicts = [line.strip() for line in told if "kept" in line and "{" in line]
    assert sorted(conflicts) == [
        "items {'id': 'i2'}: data, kept theirs",
        "notes {'id': 'n1'}: data, kept ours",
    ]
    assert [line.strip() for line in told[-4:]] == [
        "apples, 6, 0",
        "bread, 2, 0",
        "oat milk, 1, 1",
        "shop on Sunday, 11:00",
    ]


def test_an_entry_whose_answer_was_lost_is_sent_once(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = device._request

    async def lost(url: str, body: bytes | None = None) -> Any:
        done = await request(url, body)
        if body is not None:
            raise URLError("the answer is lost")
        return done

    async def main() -> None:
        phone = await Device.open("phone", str(tmp_path / "phone.db"), address)
        laptop = await Device.open("laptop", str(tmp_path / "laptop.db"), address)
        await phone.db.execute("INSERT INTO items VALUES ('i', 'milk', 1, 0)")
        monkeypatch.setattr(device, "_request", lost)
        with pytest.raises(URLError):
            await phone.sync()
        monkeypatch.setattr(device, "_request", request)
        assert await waits(phone) == 1
        await phone.db.execute("UPDATE items SET amount = 2")
        assert await phone.sync() == []
        assert await laptop.sync() == []
        assert await contents(laptop) == [("i", "milk", 2, 0)]
        for each in (phone, laptop):
            assert await each.db.query_value("SELECT received FROM device") == 2
            await each.db.close()

    asyncio.run(main())


def test_devices_agree_in_the_end_whatever_is_lost_on_the_way(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(11)
    request = device._request
    losing = True

    async def unsafe(url: str, body: bytes | None = None) -> Any:
        if losing and source.random() < 0.15:
            raise URLError("the request is lost")
        done = await request(url, body)
        if losing and source.random() < 0.15:
            raise URLError("the answer is lost")
        return done

    monkeypatch.setattr(device, "_request", unsafe)

    async def change(of: Device, moment: int) -> None:
        key = source.choice(ONE_OF)
        sql, params = source.choice(
            [
                ("INSERT OR REPLACE INTO items VALUES (?, ?, ?, 0)", (key, of.name, moment)),
                ("UPDATE items SET name = ? WHERE id = ?", (f"{of.name} {moment}", key)),
                ("UPDATE items SET amount = amount + 1 WHERE id <> ?", (key,)),
                ("DELETE FROM items WHERE id = ?", (key,)),
                ("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (key, of.name, f"{moment // 3:06}")),
                ("DELETE FROM notes WHERE id = ?", (key,)),
            ]
        )
        await of.db.execute(sql, params)

    async def main() -> None:
        nonlocal losing
        names = ["phone", "laptop", "tablet"]
        devices = [await Device.open(name, str(tmp_path / f"{name}.db"), address) for name in names]
        lost = conflicts = 0
        for moment in range(400):
            for each in devices:
                if source.random() < 0.6:
                    await change(each, moment)
            try:
                conflicts += len(await source.choice(devices).sync())
            except URLError:
                lost += 1
        losing = False
        while True:
            for each in devices:
                await each.sync()
            last = {await each.db.query_value("SELECT received FROM device") for each in devices}
            if len(last) == 1 and not any([await waits(each) for each in devices]):
                break
        first, *others = [await contents(each) for each in devices]
        assert others == [first, first]
        assert len(first) > 2
        assert lost > 50
        assert conflicts > 20
        for each in devices:
            await each.db.close()

    asyncio.run(main())


def test_a_device_that_has_lost_its_database_gets_all_of_it_back(address: str, tmp_path: Path) -> None:
    async def main() -> None:
        phone = await Device.open("phone", str(tmp_path / "lost.db"), address)
        await phone.db.execute("INSERT INTO items VALUES ('i', 'milk', 1, 0)")
        await phone.sync()
        before = await contents(phone)
        await phone.db.close()
        phone = await Device.open("phone", str(tmp_path / "new.db"), address)
        await phone.sync()
        assert await contents(phone) == before != []
        await phone.db.close()

    asyncio.run(main())


def test_a_device_that_is_behind_is_told_so(address: str) -> None:
    async def main() -> None:
        ask = device._request
        assert (await ask(f"{address}/?after=0&device=a"))[0] == 204
        assert (await ask(f"{address}/?after=1&device=a&batch=1", b"x"))[0] == 409
        assert (await ask(f"{address}/?after=0&device=a&batch=1", b"x"))[0] == 201
        assert (await ask(f"{address}/?after=0&device=b&batch=1", b"y"))[0] == 409
        for name, own in (("a", "1"), ("b", None)):
            status, headers, changes = await ask(f"{address}/?after=0&device={name}")
            assert (status, headers.get("Own-Batch"), changes) == (200, own, b"x")

    asyncio.run(main())


def test_the_server_is_as_short_as_it_is_said_to_be() -> None:
    assert len((HERE / "server.py").read_text().splitlines()) <= 60
