"""A value that is read and written in place, like :class:`sqlite3.Blob`."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from ._connection import Connection

__all__ = ["Blob"]


class Blob:
    """A value of a row, of fixed size."""

    def __init__(self, connection: Connection, number: int, length: int) -> None:
        self._connection = connection
        self._number = number
        self._length = length
        self._at = 0
        self._open = True

    def _check(self) -> None:
        self._connection.check()
        if not self._open:
            raise sqlite3.ProgrammingError("Cannot operate on a closed blob.")

    def read(self, length: int = -1, /) -> bytes:
        """Returns the next ``length`` bytes, or all the remaining ones."""
        self._check()
        left = self._length - self._at
        length = left if length < 0 else min(length, left)
        data = self._read(self._at, length)
        self._at += length
        return data

    def write(self, data: Any, /) -> None:
        """Overwrites the next bytes."""
        self._check()
        data = bytes(memoryview(data))
        if len(data) > self._length - self._at:
            raise ValueError("data longer than blob length")
        self._write(self._at, data)
        self._at += len(data)

    def tell(self) -> int:
        """Returns the position of the next bytes."""
        self._check()
        return self._at

    def seek(self, offset: int, origin: int = os.SEEK_SET, /) -> None:
        """Moves to another position."""
        self._check()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}.get(origin)
        if base is None:
            raise ValueError("'origin' should be os.SEEK_SET, os.SEEK_CUR, or os.SEEK_END")
        if not 0 <= base + offset <= self._length:
            raise ValueError("offset out of blob range")
        self._at = base + offset

    def close(self) -> None:
        """Closes the blob."""
        self._connection.check()
        if self._open:
            self._open = False
            self._connection.run(self._connection.plain(27, self._number))

    def __len__(self) -> int:
        self._check()
        return self._length

    def __getitem__(self, key: Union[int, slice]) -> Any:
        self._check()
        if isinstance(key, slice):
            start, stop, step = key.indices(self._length)
            if step == 1:
                return self._read(start, max(0, stop - start))
            return bytes(self._read(0, self._length)[key])
        return self._read(self._index(key), 1)[0]

    def __setitem__(self, key: Union[int, slice], value: Any) -> None:
        self._check()
        if isinstance(key, slice):
            data = bytes(memoryview(value))
            places = range(*key.indices(self._length))
            if len(data) != len(places):
                raise IndexError("Blob slice assignment is wrong size")
            if places.step == 1:
                if data:
                    self._write(places.start, data)
                return
            whole = bytearray(self._read(0, self._length))
            whole[key] = data
            self._write(0, bytes(whole))
            return
        if not isinstance(value, int):
            raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
        if not 0 <= value <= 255:
            raise ValueError("byte must be in range(0, 256)")
        self._write(self._index(key), bytes((value,)))

    def __delitem__(self, key: Any) -> None:
        what = "slice" if isinstance(key, slice) else "item"
        raise TypeError(f"Blob doesn't support {what} deletion")

    def _index(self, key: Any) -> int:
        if not hasattr(key, "__index__"):
            raise TypeError("Blob indices must be integers")
        index = key.__index__()
        if index < 0:
            index += self._length
        if not 0 <= index < self._length:
            raise IndexError("Blob index out of range")
        return int(index)

    def _read(self, at: int, length: int) -> bytes:
        if length == 0:
            return b""
        return bytes(self._connection.run(self._connection.plain(25, self._number, at, length))[5])

    def _write(self, at: int, data: bytes) -> None:
        self._connection.run(self._connection.plain(26, self._number, at, data))

    def __enter__(self) -> Blob:
        self._check()
        return self

    def __exit__(self, *error: Any) -> None:
        self._check()
        self.close()

    def __del__(self) -> None:
        if self._open and self._connection._open:
            # Nobody waits for this.
            self._open = False
            self._connection.engine.drop(27, self._number)
