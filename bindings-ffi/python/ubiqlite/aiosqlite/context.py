"""Results of calls that can be awaited or entered."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import wraps
from typing import Any, Callable, Optional, TypeVar

__all__ = ["Result", "contextmanager"]

T = TypeVar("T")


class Result(Coroutine[Any, Any, T]):
    """The outcome of a coroutine: ``await`` it, or enter it, which closes the object at the end."""

    __slots__ = ("_coro", "_obj")

    def __init__(self, coro: Coroutine[Any, Any, T]) -> None:
        self._coro = coro
        self._obj: Optional[T] = None

    def send(self, value: Any) -> Any:
        """Resumes the coroutine."""
        return self._coro.send(value)

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """Raises in the coroutine."""
        if val is None:
            return self._coro.throw(typ)
        if tb is None:
            return self._coro.throw(typ, val)
        return self._coro.throw(typ, val, tb)

    def close(self) -> None:
        """Closes the coroutine."""
        return self._coro.close()

    def __await__(self) -> Generator[Any, None, T]:
        return self._coro.__await__()

    async def __aenter__(self) -> T:
        obj = self._obj = await self._coro
        return obj

    async def __aexit__(self, exc_type: Any, exc: Any, tb: Any) -> None:
        obj, self._obj = self._obj, None
        close = getattr(obj, "close", None)
        if close is not None:
            await close()


def contextmanager(method: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., Result[T]]:
    """Wraps a coroutine function so that it returns a :class:`Result`."""

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Result[T]:
        return Result(method(self, *args, **kwargs))

    return wrapper
