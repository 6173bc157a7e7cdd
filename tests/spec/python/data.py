"""Values, rows and lists: what a scenario writes in JSON, as Python's own values.

Integers are ``int``, reals ``float`` (1.0 is not 1), texts ``str``, blobs ``bytes``,
rows and records ``dict``; besides :class:`JsonText` and :data:`ANY`.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any


class Failure(Exception):
    """The scenario does not hold, or is written incorrectly."""


class JsonText:
    """A list or map of the language, which binds as JSON text."""

    def __init__(self, content: Any) -> None:
        self.content = content


ANY = object()
"""Only in expectations: anything but NULL."""


def read(json: Any, names: dict[str, Any], number: int | None = None) -> Any:
    """Reads the notation of ``tests/spec/README.md``."""
    if isinstance(json, list):
        return [read(item, names, number) for item in json]
    if isinstance(json, int) and not isinstance(json, bool) and abs(json) >= 2**53:
        raise Failure(f"{json} needs $int or $real")
    if not isinstance(json, dict):
        return json
    notation = next((key for key in json if key.startswith("$")), None)
    if notation is None:
        return {name: read(value, names, number) for name, value in json.items()}
    allowed = {"$for", "item"} if notation == "$for" else {notation}
    if set(json) - allowed:
        raise Failure(f"{sorted(set(json) - allowed)} has no place beside {notation}")
    return _notation(notation, json, names, number)


def _notation(notation: str, fields: dict[str, Any], names: dict[str, Any], number: int | None) -> Any:
    content = fields[notation]
    if notation == "$int":
        return int(content)
    if notation == "$real":
        return float(content)
    if notation == "$blob":
        return bytes.fromhex(content)
    if notation == "$text16":
        return bytes.fromhex(content).decode("utf-16-be", "surrogatepass")
    if notation == "$json":
        return JsonText(content)
    if notation == "$moment":
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=content)
    if notation == "$any":
        return ANY
    if notation == "$i":
        if number is None:
            raise Failure("$i stands outside of $for")
        return number
    if notation == "$ref":
        if content not in names:
            raise Failure(f'nothing has the name "{content}"')
        return names[content]
    if notation == "$repeat":
        what, times = content
        return read(what, names, number) * times
    if notation == "$concat":
        return "".join(read(part, names, number) for part in content)
    if notation == "$for":
        first, last = content
        if not first <= last:
            raise Failure("a $for of nothing")
        return [read(fields["item"], names, each) for each in range(first, last + 1)]
    if notation == "$pairs":
        return pairs([read(pair, names, number) for pair in content])
    raise Failure(f"{notation} is no notation that this runner knows")


def pairs(items: list[Any]) -> dict[str, Any]:
    """Reads a map that is written as a list of pairs."""
    made = {name: value for name, value in items}
    if len(made) != len(items):
        raise Failure("a name stands twice")
    return made


@dataclass
class Update:
    """Only as a result, of a watch: its rows, and the positions of those that differ from before."""

    rows: list[Any]
    added: list[int]
    removed: list[int]
    updated: list[int]


def compare(expected: Any, found: Any, partial: bool, place: str) -> None:
    """Compares data; raises the first place where they differ."""
    if expected is ANY:
        same = found is not None
    elif isinstance(expected, list) and isinstance(found, dict):
        # A row written as its values alone.
        return compare(expected, list(found.values()), partial, place)
    elif isinstance(expected, list) and isinstance(found, list):
        for index, (left, right) in enumerate(zip(expected, found)):
            compare(left, right, partial, f"{place}[{index}]")
        same = len(expected) == len(found)
    elif isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name not in found:
                raise Failure(f'{place} has no "{name}"; found {show(found)}')
            compare(value, found[name], partial, f"{place}.{name}")
        same = partial or len(expected) == len(found)
    elif isinstance(expected, float) and isinstance(found, float):
        # Bit by bit: -0.0 is not 0.0.
        same = struct.pack("<d", expected) == struct.pack("<d", found) or (math.isnan(expected) and math.isnan(found))
    else:
        same = type(expected) is type(found) and expected == found
    if not same:
        raise Failure(f"{place}: expected {show(expected)}\n      {' ' * len(place)}  found {show(found)}")


def show(data: Any) -> str:
    """Describes data in readable form; long values are shortened."""
    text = "anything" if data is ANY else repr(data)
    return re.sub(r"\s+", " ", text) if len(text) < 400 else text[:400] + "…"
