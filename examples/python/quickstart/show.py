"""What the example prints: one line per step, with the time it took."""

from __future__ import annotations

import itertools
import textwrap
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Callable

import ubiqlite

_chapters = itertools.count(1)


def chapter(title: str, about: str) -> None:
    """Begins a chapter of the output."""
    print(f"\n{next(_chapters)}. {title}\n   {about}")


@contextmanager
def step(what: str, times: int = 1) -> Iterator[Callable[[object], None]]:
    """Times something that is done ``times`` times, and prints its result at the end."""
    start = time.perf_counter()
    told: list[object] = []
    yield told.append
    took = time.perf_counter() - start
    each = f", {_human(took / times)} each" if times > 1 else ""
    print(f"   {what:<29} {f'{told[-1]}{each}':<66} {_human(took):>9}")


def note(what: str, result: object) -> None:
    """Prints something untimed."""
    for index, line in enumerate(textwrap.wrap(str(result), 88) or [""]):
        print(f"   {what if index == 0 else '':<29} {line}".rstrip())


async def refused(what: str, call: Awaitable[Any]) -> ubiqlite.Error | None:
    """Prints the error of a call that must fail, and returns it."""
    try:
        await call
    except ubiqlite.Error as error:
        note(what, f"{error.kind}: {error}")
        return error
    note(what, "was not refused, which is a defect")
    return None


def _human(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.3g} s "
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"
