"""Runs aiosqlite's own tests, which are in its wheel, on ours in its place.

``python run.py``, in an environment that has aiosqlite and this package.
"""

from __future__ import annotations

import importlib.util
import sys
import unittest
from pathlib import Path

import ubiqlite.aiosqlite

FEWEST = 30
"""The least number of tests: in a file that was not found, none fail."""


def load(name: str, file: Path, folder: Path | None = None) -> None:
    """Loads one of their modules under another name, because the package's name is ours."""
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folder and [str(folder)])
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    if folder is None:
        spec.loader.exec_module(module)


def main() -> None:
    """Runs the tests, and exits with 1 if one fails."""
    theirs = importlib.util.find_spec("aiosqlite")
    assert theirs is not None
    assert theirs.submodule_search_locations
    folder = Path(theirs.submodule_search_locations[0]) / "tests"
    ubiqlite.aiosqlite.install()
    load("theirs", folder / "__init__.py", folder)
    load("theirs.helpers", folder / "helpers.py")
    load("theirs.smoke", folder / "smoke.py")
    tests = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["theirs.smoke"])
    result = unittest.TextTestRunner().run(tests)
    if result.testsRun < FEWEST or result.skipped:
        sys.exit(f"{result.testsRun} tests ran, {len(result.skipped)} of them were skipped")
    sys.exit(not result.wasSuccessful())


main()
