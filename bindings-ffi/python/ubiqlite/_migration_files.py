"""The files of migrations, whichever way a program has them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Union

from ._values import check_text
from .errors import CannotOpen, InvalidArgument, Io


class Resource(Protocol):
    """A folder or a file of a package, as ``importlib.resources.files()`` has it, also inside a zip archive."""

    @property
    def name(self) -> str:
        """Its name, without those of the folders that it is in."""
        ...

    def iterdir(self) -> Iterator[Resource]:
        """Returns what is in a folder."""
        ...

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        ...

    def read_bytes(self) -> bytes:
        """Returns what a file has."""
        ...


MigrationFiles = Union[str, "os.PathLike[str]", Resource, Mapping[str, str], Iterable[tuple[str, str]]]
"""The files of migrations: a folder by its path, a folder of a package, or names with texts."""


def read(files: Any) -> list[tuple[str, str]]:
    """Returns the names and texts of what may be migrations, in any order.

    Raises ``InvalidArgument`` for what has none and for a file that is not UTF-8; ``CannotOpen`` if there is no such
    folder; ``Io`` if it can't be read.
    """
    if isinstance(files, (str, os.PathLike)):
        try:
            return _of_folder(Path(files))
        except TypeError as error:
            raise InvalidArgument(f"the folder of migrations can't be used: {error}") from None
    if isinstance(files, Mapping):
        return [_checked(pair) for pair in files.items()]
    if hasattr(files, "iterdir"):
        return _of_folder(files)
    try:
        pairs = list(files)
    except TypeError:
        raise InvalidArgument(
            f"migrations must be a folder or names with texts, not a {type(files).__name__}"
        ) from None
    return [_checked(pair) for pair in pairs]


def _checked(pair: Any) -> tuple[str, str]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InvalidArgument(f"a file of migrations must be (name, text), not {type(pair).__name__}")
    name = check_text(pair[0], "the name of a migration's file")
    return name, check_text(pair[1], f"the text of {name}")


def _of_folder(folder: Resource) -> list[tuple[str, str]]:
    """Reads all that the core may take for a migration: which of them are, it decides."""
    try:
        if not folder.is_dir():
            raise CannotOpen(f"there is no folder {folder} with migrations", path=str(folder))
        found: list[tuple[str, str]] = []
        for entry in folder.iterdir():
            if entry.is_dir():
                inner = [one for one in entry.iterdir() if one.name in ("migration.sql", "_journal.json")]
                found += [_text(one, f"{entry.name}/{one.name}") for one in inner]
            elif entry.name.endswith(".sql"):
                found.append(_text(entry, entry.name))
        return found
    except PermissionError as error:
        raise CannotOpen(f"the migrations can't be read: {error}", path=str(folder)) from error
    except OSError as error:
        raise Io(f"the migrations can't be read: {error}", path=str(folder)) from error


def _text(file: Resource, name: str) -> tuple[str, str]:
    try:
        return check_text(name, "the name of a migration's file"), file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from None
