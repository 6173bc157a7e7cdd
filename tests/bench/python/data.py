"""The data of the benchmark: the same 100,000 rows as in the Rust benchmark, derived from their ids alone."""

from __future__ import annotations

from typing import Any, Callable

ROWS = 100_000
CACHE_KIB = 64 * 1024
"""The page cache of every subject: the data set fits in."""

_WORDS = (
    "lamp table chair shelf mirror carpet kettle teapot basket candle pillow blanket cushion drawer bench stool"
).split()
_COLOURS = "red green blue white black amber violet brown".split()
_STATUSES = ["new", "active", "done", "archived"]
_WORD = 2**64 - 1

_COLUMNS = "id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL, status TEXT NOT NULL, value REAL NOT NULL"
CREATE_ITEMS = f"CREATE TABLE IF NOT EXISTS items({_COLUMNS})"
CREATE_LOG = f"CREATE TABLE IF NOT EXISTS log({_COLUMNS})"
SELECT_ONE = "SELECT id, name, data, status, value FROM items WHERE id = ?"
SELECT_ALL = "SELECT id, name, data, status, value FROM items"
TIMES = 5
SELECT_500K = f"SELECT id, name, data, status, value FROM (VALUES {', '.join(['(1)'] * TIMES)}) CROSS JOIN items"
"""All rows ``TIMES`` times: 500,000."""
INSERT_ITEM = "INSERT INTO items(id, name, data, status, value) VALUES (?, ?, ?, ?, ?)"
INSERT_LOG = "INSERT INTO log(name, data, status, value) VALUES (?, ?, ?, ?)"


def sequence(seed: int) -> Callable[[int], int]:
    """Returns a sequence of random numbers below a limit (xorshift64), from a seed."""
    state = (((seed + 1) * 0x9E37_79B9_7F4A_7C15) & _WORD) | 1

    def below(limit: int) -> int:
        nonlocal state
        state ^= (state << 13) & _WORD
        state ^= state >> 7
        state ^= (state << 17) & _WORD
        return (state >> 20) % limit

    return below


def item(number: int) -> tuple[Any, ...]:
    """Returns the row with this id."""
    pick = sequence(number)
    word, colour, watt, stock = _WORDS[pick(16)], _COLOURS[pick(8)], pick(200), pick(10_000)
    data = f'{{"watt":{watt},"colour":"{colour}","stock":{stock},"new":true}}'
    return number, f"{word} {number:06}", data, _STATUSES[pick(4)], pick(1_000_000) / 100


def ids(seed: int, count: int) -> list[int]:
    """Returns the first ``count`` random ids of a seed."""
    pick = sequence(seed)
    return [pick(ROWS) + 1 for _ in range(count)]
