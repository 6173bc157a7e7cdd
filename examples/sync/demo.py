"""Two devices that synchronise through a server, with edits on both while neither has a network.

python examples/sync/demo.py
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ubiqlite import Conflict

from device import Device


def chapter(title: str) -> None:
    """Begins a part of what is printed."""
    print(f"\n{title}")


async def edit(device: Device, sql: str, *params: object) -> None:
    """Changes something on a device, as any program does."""
    await device.db.execute(sql, params)
    print(f"  {device.name:<7} {sql.replace('?', '{!r}').format(*params)}")


async def sync(device: Device) -> None:
    """Synchronises a device, and prints what was decided."""
    conflicts = await device.sync()
    print(f"  {device.name:<7} synchronised, {len(conflicts) or 'no'} conflict{'' if len(conflicts) == 1 else 's'}")
    for conflict in conflicts:
        show(conflict)


def show(conflict: Conflict) -> None:
    """Prints a conflict: it is data, and nothing has stopped for it."""
    print(f"          {conflict.table} {conflict.key}: {conflict.kind}, kept {conflict.decision}")
    print(f"            here    {conflict.ours}")
    print(f"            there   {conflict.theirs}")


async def contents(device: Device) -> list[tuple[object, ...]]:
    """Returns all that devices share."""
    items = await device.db.query("SELECT name, amount, done FROM items ORDER BY name", into=tuple)
    return items + await device.db.query("SELECT text, updated_at FROM notes ORDER BY id", into=tuple)


async def run(folder: str, server: str) -> None:
    """Tells the story of two devices."""
    phone = await Device.open("phone", f"{folder}/phone.db", server)
    laptop = await Device.open("laptop", f"{folder}/laptop.db", server)
    try:
        chapter("1. The phone has a list, and the laptop gets it.")
        await edit(phone, "INSERT INTO items VALUES ('i1', 'milk', 1, 0), ('i2', 'bread', 1, 0)")
        await edit(phone, "INSERT INTO notes VALUES ('n1', 'shop on Friday', '09:00')")
        await sync(phone)
        await sync(laptop)

        chapter("2. Neither has a network. Both go on.")
        await edit(phone, "UPDATE items SET name = ? WHERE id = 'i1'", "oat milk")
        await edit(phone, "UPDATE items SET amount = ? WHERE id = 'i2'", 2)
        await edit(phone, "UPDATE notes SET text = ?, updated_at = ? WHERE id = 'n1'", "shop on Monday", "10:00")
        await edit(laptop, "UPDATE items SET done = 1 WHERE id = 'i1'")
        await edit(laptop, "UPDATE items SET amount = ? WHERE id = 'i2'", 3)
        await edit(laptop, "UPDATE notes SET text = ?, updated_at = ? WHERE id = 'n1'", "shop on Sunday", "11:00")
        await edit(laptop, "INSERT INTO items VALUES ('i3', 'apples', 6, 0)")

        chapter("3. The network is back. The milk's changes are of different columns and both stay; of the bread's the")
        print("   first that was sent is kept, and of the note's the newer one.")
        await sync(phone)
        await sync(laptop)
        await sync(phone)

        chapter("4. Both have the same.")
        ours, theirs = await contents(phone), await contents(laptop)
        for row in ours:
            print(f"  {', '.join(map(str, row))}")
        if ours != theirs:
            sys.exit(f"the laptop has something else: {theirs}")
    finally:
        await phone.db.close()
        await laptop.db.close()


@contextmanager
def serving(folder: str) -> Iterator[str]:
    """Runs the server in a process of its own, at any free port, and returns its address."""
    command = [sys.executable, str(Path(__file__).with_name("server.py")), f"{folder}/server.db", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ubiqlite-sync-") as folder, serving(folder) as server:
        print(f"the server is at {server}")
        asyncio.run(run(folder, server))
