"""Makes ``import aiosqlite`` import this package.

Once the package is in ``sys.modules`` under that name, by :func:`install` or by hand,
its modules can be imported under it too, without a second copy of each.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Optional

__all__ = ["install"]

_THEIRS, _OURS = "aiosqlite", "ubiqlite.aiosqlite"


def install() -> None:
    """Makes ``import aiosqlite`` import this package from now on, in this process.

    Must be called before anything imports the other one. Raises ``ImportError`` if something has.
    """
    known = sys.modules.get(_THEIRS)
    if known is not None and known is not sys.modules[_OURS]:
        raise ImportError("aiosqlite is imported already: call install() before", name=_THEIRS)
    sys.modules[_THEIRS] = sys.modules[_OURS]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the package's modules under the other name, while the package has that name."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if not fullname.startswith(_THEIRS + ".") or sys.modules.get(_THEIRS) is not sys.modules.get(_OURS):
            return None
        if importlib.util.find_spec(_OURS + fullname[len(_THEIRS) :]) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, spec: importlib.machinery.ModuleSpec
    ) -> Optional[ModuleType]:
        module = importlib.import_module(_OURS + spec.name[len(_THEIRS) :])
        # The import machinery is about to overwrite these with those of the other name.
        _own[spec.name] = (module.__spec__, module.__loader__, module.__package__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        for name, own in list(_own.items()):
            if sys.modules.get(name) is module:
                module.__spec__, module.__loader__, module.__package__ = own
                del _own[name]


_own: dict[str, tuple[Any, Any, Any]] = {}

sys.meta_path.insert(0, _Finder())
