"""Runs the scenarios of ``tests/spec`` on the Python package.

    python tests/spec/python/run.py [--uvloop] [words]

runs those with one of the words in ``subject: name``, or all if there are no words.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from data import Failure
from scope import Escape, Scope, World, tell

SPEC = Path(__file__).resolve().parent.parent
PATIENCE = 30.0


def scenarios() -> list[dict[str, Any]]:
    """Returns all scenarios, each with its title, and with its fixtures before its own SQL."""
    fixtures = json.loads((SPEC / "fixtures.json").read_text())
    every = []
    for file in sorted(SPEC.glob("*.json")):
        if file.name == "fixtures.json":
            continue
        subject = json.loads(file.read_text())
        for scenario in subject["scenarios"]:
            given = [sql for name in scenario.get("given", []) for sql in fixtures[name]]
            scenario["setup"] = given + scenario.get("setup", [])
            scenario["title"] = f"{subject['subject']}: {scenario['name']}"
            every.append(scenario)
    return every


async def run_one(scenario: dict[str, Any], directory: Path) -> None:
    """Runs a scenario, and raises ``Failure`` if it does not hold."""
    world = World(directory)
    try:
        opened = scenario.get("open", "app.db")
        if opened is not False:
            where = opened if isinstance(opened, dict) else {"path": opened}
            world.databases["db"] = db = await world.open(where["path"], where.get("options"))
            if scenario["setup"]:
                await db.batch(scenario["setup"])
        await Scope(world, {}, []).run(scenario["steps"])
    except Escape as escape:
        raise Failure(f"an error left the scenario: {tell(escape.error)}") from escape.error
    finally:
        for db in world.opened:
            await db.close()


async def main(words: list[str]) -> int:
    chosen = [one for one in scenarios() if not words or any(word in one["title"] for word in words)]
    started = time.monotonic()
    failed = []
    for scenario in chosen:
        with tempfile.TemporaryDirectory() as directory:
            try:
                await asyncio.wait_for(run_one(scenario, Path(directory)), PATIENCE)
            except Failure as failure:
                failed.append(f"{scenario['title']}\n    {failure}")
            except asyncio.TimeoutError:
                failed.append(f"{scenario['title']}\n    is not over")
            except Exception as error:
                failed.append(f"{scenario['title']}\n    {tell(error)}")
    for failure in failed:
        print(f"FAILED  {failure}\n")
    took = time.monotonic() - started
    print(
        f"{len(chosen)} scenarios: {len(chosen) - len(failed)} hold, {len(failed)} failed, 0 skipped, in {took:.1f} s"
    )
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    run = asyncio.run
    if "--uvloop" in arguments:
        import uvloop

        arguments.remove("--uvloop")
        run = uvloop.run
    sys.exit(run(main(arguments)))
