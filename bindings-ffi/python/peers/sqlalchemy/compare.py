"""Runs SQLAlchemy's tests of dialects on ``aiosqlite``, on the drop-in and on our dialect, and compares test by test.

``python compare.py``, in an environment that has SQLAlchemy, greenlet, aiosqlite, pytest and this package. What fails
with aiosqlite fails with ours, and nothing else does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
THEIRS, DROP_IN, OURS = "aiosqlite", "ubiqlite.aiosqlite", "sqlite+ubiqlite"
DATABASES = [":memory:", "suite.db"]
FEWEST = 1350
"""The least number of tests that pass: in a suite that was not found, none differ."""

OUTCOME = re.compile(r"^test_suite\.py::(.+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b", re.MULTILINE)
VERSION = re.compile(r"_sqlite\+\w+?_async_3_\d+_\d+")
"""Of the driver and of SQLite, in the name of a test."""


def outcomes(database: str, subject: str) -> dict[str, str]:
    """Returns the outcome of each test."""
    url = f"sqlite+{'ubiqlite' if subject == OURS else 'aiosqlite'}:///{database}"
    with tempfile.TemporaryDirectory() as folder:
        for name in ("conftest.py", "requirements.py", "setup.cfg", "test_suite.py"):
            shutil.copy(HERE / name, folder)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--rootdir=.", "-c", "setup.cfg", "test_suite.py", "--dburi", url],
            cwd=folder,
            env={**os.environ, "UBIQLITE_DROP_IN": "1" if subject == DROP_IN else ""},
            capture_output=True,
            text=True,
            check=False,
        )
    found = OUTCOME.findall(done.stdout)
    if not found:
        sys.exit(f"no test ran:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return {VERSION.sub("", name): outcome for name, outcome in found}


def main() -> None:
    """Compares the outcomes for each kind of database."""
    differ = 0
    with ThreadPoolExecutor(3) as pool:
        for database in DATABASES:
            theirs, *all_ours = pool.map(outcomes, [database] * 3, [THEIRS, DROP_IN, OURS])
            for subject, ours in zip((DROP_IN, OURS), all_ours):
                for name in sorted(theirs.keys() | ours.keys()):
                    if theirs.get(name) != ours.get(name):
                        differ += 1
                        print(f"{database}: {name}: {theirs.get(name)} with aiosqlite, {ours.get(name)} with {subject}")
                passed = sum(outcome == "PASSED" for outcome in ours.values())
                print(f"{database}, {subject}: {len(ours)} tests, {passed} passed")
                if passed < FEWEST:
                    sys.exit(f"only {passed} tests passed")
    sys.exit(1 if differ else 0)


main()
