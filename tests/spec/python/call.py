"""One call of a scenario: its method, and its arguments in the shapes that the package takes."""

from __future__ import annotations

from typing import Any

from data import Failure, read
from values import to_key, to_params, to_record, to_value

_OF_EVERY_CALL = {"call", "on", "as", "steps", "cancel", "escapes", "gives", "rows", "columns", "count", "error"}
_OF_EVERY_CALL |= {"added", "removed", "updated"}
GIVE_A_HANDLE = {"transaction", "savepoint", "begin", "begin_savepoint", "snapshot", "acquire", "watch", "outbox"}
GIVE_A_HANDLE |= {"watch_all", "replicate"}


class Call:
    """A call, and the arguments of it that were used."""

    def __init__(self, step: dict[str, Any], names: dict[str, Any]) -> None:
        self.step = step
        self.names = names
        self.method: str = step["call"]
        self.on: str = step.get("on", "db")
        self.name: str = step.get("as", "")
        self._used = set(_OF_EVERY_CALL)
        holds = self.method in GIVE_A_HANDLE or (self.method == "stream" and "steps" in step)
        holds = holds or (self.method == "select" and step.get("end") == "watch")
        if holds != ("steps" in step) or (holds and not self.name):
            raise Failure(f'{self.method}: "steps" and "as" are for calls that give a handle')

    def has(self, key: str) -> bool:
        return key in self.step

    def json(self, key: str) -> Any:
        self._used.add(key)
        return self.step.get(key)

    def data(self, key: str) -> Any:
        if key not in self.step:
            raise Failure(f'{self.method} wants "{key}"')
        return read(self.json(key), self.names)

    def done(self) -> None:
        """Called once all arguments are read: any that are left would have been ignored."""
        if set(self.step) - self._used:
            raise Failure(f"{sorted(set(self.step) - self._used)} has no place in {self.method}")

    def options(self) -> dict[str, Any]:
        """Returns the keywords of every call, in seconds where a scenario has milliseconds."""
        return {"timeout": self.json("timeout") / 1000} if self.has("timeout") else {}

    def params(self) -> Any:
        return to_params(self.data("params")) if self.has("params") else None

    def texts(self, key: str) -> list[str]:
        """Returns the texts of a list, or the one text that stands there."""
        data = self.data(key)
        return data if isinstance(data, list) else [data]

    def each(self) -> list[Any]:
        return [to_params(item) for item in self.data("each")]

    def batch(self) -> Any:
        if self.has("script"):
            return self.data("script")
        return [item if isinstance(item, str) else (item[0], to_params(item[1])) for item in self.data("statements")]

    def queries(self) -> list[Any]:
        """Returns the queries that are watched together: SQL alone, or with its parameters and its key."""
        queries = self.data("queries")
        return [(sql, to_params(rest[0]), *rest[1:]) if rest else sql for sql, *rest in queries]

    def record(self) -> dict[str, Any]:
        return to_record(self.data("record"))

    def records(self) -> list[Any]:
        return [to_record(item) for item in self.data("records")]

    def key(self) -> Any:
        return to_key(self.data("key"))

    def keys(self) -> list[Any]:
        return [to_key(item) for item in self.data("keys")]

    def transfers(self) -> list[Any]:
        return [(to_key(a), to_key(b), to_value(amount)) for a, b, amount in self.data("transfers")]
