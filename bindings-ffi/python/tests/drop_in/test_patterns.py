"""Code that was written for ``aiosqlite`` runs unchanged, and prints the same."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PATTERNS = Path(__file__).resolve().parents[4] / "examples" / "python" / "patterns.py"


def told(on: str) -> str:
    """Returns what the example prints on one of the two packages."""
    command = [sys.executable, "-W", "error", str(PATTERNS), "--on", on]
    # The example must find the package where it is found here.
    environment = {"PYTHONPATH": str(Path(importlib.import_module("ubiqlite").__path__[0]).parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_thirteen_patterns_run() -> None:
    said = told("ubiqlite")
    assert "pool {150}" in said
    assert "stopped: interrupted" in said


@pytest.mark.skipif(
    getattr(importlib.util.find_spec("aiosqlite"), "origin", None) is None, reason="aiosqlite is not installed"
)
def test_the_thirteen_patterns_say_the_same_on_both() -> None:
    assert told("ubiqlite") == told("aiosqlite")
