"""The steps of a scenario, and the handles that are open while they run."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import ubiqlite

from call import Call
from data import Failure, Update, compare, read, show
from handles import KINDS, METHODS, holding, simple
from migrations import opened_with
from replicate import restored

_PARTIAL = {"execute", "batch", "capabilities", "apply", "migrations", "stats", "flush", "state", "stop"}
_AT_ONCE = 1.0
Frame = tuple[str, str, Any]


class Thrown(Exception):
    """The caller's own exception, from a ``throw``."""


class Escape(Exception):
    """An error leaves the block of a transaction or savepoint, as it should."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class World:
    """A scenario's directory and databases."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.databases: dict[str, ubiqlite.Database] = {}
        self.opened: list[ubiqlite.Database] = []

    async def open(self, path: str, options: dict[str, Any] | None) -> ubiqlite.Database:
        where = path if path == ":memory:" else os.path.join(self.directory, path)
        given = {name: value / 1000 if name.endswith("_timeout") else value for name, value in (options or {}).items()}
        if "migrations" in given:
            given["migrations"] = opened_with(given["migrations"])
        db = await ubiqlite.open(where, **given)
        self.opened.append(db)
        return db

    def make(self, step: dict[str, Any]) -> None:
        place = self.directory / read(step["make"], {})
        content = {key: read(step[key], {}) for key in ("text", "bytes") if key in step}
        if step.get("directory"):
            place.mkdir()
        elif "copy" in step:
            shutil.copy(self.directory / step["copy"], place)
            if "keep" in step:
                os.truncate(place, step["keep"])
            if "bytes" in step:
                with place.open("r+b") as file:
                    file.seek(step["at"])
                    file.write(content["bytes"])
        elif "text" in content:
            place.write_text(content["text"])
        else:
            place.write_bytes(content["bytes"])


class Scope:
    """What steps can see: databases, named values and named handles."""

    def __init__(self, world: World, names: dict[str, Any], frames: list[Frame]) -> None:
        self.world = world
        self.names = names
        self.frames = frames

    async def run(self, steps: list[Any]) -> None:
        """Runs the steps one after another."""
        for index, step in enumerate(steps, 1):
            try:
                await self._step(step)
            except Failure as failure:
                raise Failure(f"step {index} {_short(step)}\n    {failure}") from failure.__cause__

    async def _step(self, step: dict[str, Any]) -> None:
        if "call" in step:
            await self._call(Call(step, self.names))
        elif "make" in step:
            self.world.make(step)
        elif "together" in step:
            await self._together(step)
        elif "pause" in step:
            await asyncio.sleep(step["pause"] / 1000)
        elif "throw" in step:
            raise Escape(Thrown(step["throw"]))
        else:
            raise Failure("is no step")

    async def _together(self, step: dict[str, Any]) -> None:
        shared = [frame for frame in self.frames if frame[1] == "snapshot"]
        running = []
        for child in step["together"] * step.get("times", 1):
            scope = Scope(self.world, dict(self.names), shared)
            running.append(asyncio.ensure_future(scope.run(child if isinstance(child, list) else [child])))
        for done in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(done, BaseException):
                raise done

    async def _call(self, call: Call) -> None:
        if call.has("cancel"):
            return await self._give_up(call)
        found: Any = None
        error: BaseException | None = None
        try:
            found = await self._dispatch(call)
        except (ubiqlite.Error, Thrown) as raised:
            error = raised
        except Escape as escape:
            if call.method not in ("transaction", "savepoint"):
                raise
            error = escape.error
        if call.has("escapes"):
            if error is None:
                raise Failure(f"expected an error, found {show(found)}")
            raise Escape(error)
        self._check(call, found, error)
        if call.name and not call.has("steps") and call.method != "open":
            self.names[call.name] = found

    async def _give_up(self, call: Call) -> None:
        """Cancels the call after a while: it ends at once."""
        task = asyncio.ensure_future(self._dispatch(call))
        done, _ = await asyncio.wait([task], timeout=call.json("cancel") / 1000)
        if done:
            raise Failure(f"ended before it was given up: {task.exception() or task.result()!r}")
        since = time.monotonic()
        task.cancel()
        try:
            found = await task
        except asyncio.CancelledError:
            if time.monotonic() - since > _AT_ONCE:
                raise Failure("was given up, and says so late") from None
            return
        raise Failure(f"was given up, and returns {show(found)}")

    async def _dispatch(self, call: Call) -> Any:
        if call.method == "open":
            path, options = call.data("path"), call.json("options")
            call.done()
            self.world.databases[call.name] = await self.world.open(path, options)
            return None
        if call.method == "restore_replica":
            return await restored(call, str(self.world.directory))
        own = next((frame for frame in reversed(self.frames) if frame[0] == call.on), None)
        if own is None and call.on not in self.world.databases:
            raise Failure(f'no handle has the name "{call.on}"')
        _, kind, target = own or ("", "database", self.world.databases.get(call.on))
        if call.method not in METHODS[kind] and kind in ("watch", "outbox"):
            raise Failure(f"a {kind} has no method {call.method}")
        if kind == "watch":
            return await self._meanwhile(target.next, call)
        if kind == "outbox":
            return await (self._meanwhile(target.wait, call) if call.method == "wait" else target.call(call))
        if not call.has("steps"):
            return await simple(kind, target, call, str(self.world.directory))
        async with holding(kind, target, call, str(self.world.directory)) as handle:
            kind = KINDS[call.method]
            await Scope(self.world, dict(self.names), [*self.frames, (call.name, kind, handle)]).run(call.step["steps"])
        return None

    async def _meanwhile(self, wait: Callable[[], Coroutine[Any, Any, Any]], call: Call) -> Any:
        """Waits for what comes next. Steps that run meanwhile begin when it waits."""
        meanwhile = call.json("meanwhile") or []
        call.done()
        waiting = asyncio.ensure_future(wait())
        try:
            await asyncio.sleep(0)
            await Scope(self.world, dict(self.names), self.frames).run(meanwhile)
            return await waiting
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    def _check(self, call: Call, found: Any, error: BaseException | None) -> None:
        expected = call.step.get("error")
        if error is not None:
            if expected is None:
                raise Failure(f"failed with {tell(error)}") from error
            fields = expected if isinstance(expected, dict) else {"kind": expected}
            return self._check_error(fields, error)
        if expected is not None:
            raise Failure(f"expected the error {expected}, found the result {show(found)}")
        for key in ("added", "removed", "updated"):
            if call.has(key) and not isinstance(found, Update):
                raise Failure(f"{show(found)} is no result of a watch")
            if call.has(key):
                compare(read(call.step[key], call.names), getattr(found, key), False, key)
        if isinstance(found, Update):
            found = found.rows
        for key in ("gives", "rows"):
            if call.has(key):
                compare(read(call.step[key], call.names), found, call.method in _PARTIAL, "result")
        if call.has("count"):
            compare(call.step["count"], len(found), False, "the number of rows")
        if call.has("columns"):
            row = found[0] if isinstance(found, list) else found
            compare(call.step["columns"], list(row), False, "columns")

    def _check_error(self, expected: dict[str, Any], error: BaseException) -> None:
        if "thrown" in expected:
            if not isinstance(error, Thrown) or str(error) != expected["thrown"]:
                raise Failure(f"expected the caller's {expected['thrown']!r}, found {tell(error)}")
            return
        if not isinstance(error, ubiqlite.Error) or type(error).__name__ != error.kind:
            raise Failure(f"failed with what is no error of its kind: {tell(error)}")
        for name, value in expected.items():
            found = getattr(error, name)
            if name == "columns":
                found = list(found)
            elif name == "path" and found is not None:
                found = os.path.basename(found)
            if name == "message":
                holds = read(value, self.names).lower() in found.lower()
            else:
                holds = found in value if name == "kind" and isinstance(value, list) else found == value
            if not holds:
                raise Failure(f"the error's {name}: expected {value!r}, found {found!r} in {tell(error)}")


def tell(error: BaseException) -> str:
    """Describes an error in readable form, with all that it carries."""
    return f"{type(error).__name__}: {error} {vars(error)}"


def _short(step: Any) -> str:
    text = json.dumps(step, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"
