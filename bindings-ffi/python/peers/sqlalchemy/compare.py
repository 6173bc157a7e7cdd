"""Runs SQLAlchemy's tests of dialects on ``aiosqlite`` and on ours, and compares test by test.

``python compare.py [URL …]``, in an environment that has SQLAlchemy, greenlet, aiosqlite,
pytest and this package. What fails there fails here, and nothing else does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
URLS = ["sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite:///suite.db"]
FEWEST = 850
"""The least number of tests that pass: in a suite that was not found, none differ."""

OUTCOME = re.compile(r"^test_suite\.py::(.+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b", re.MULTILINE)


def outcomes(url: str, drop_in: bool) -> dict[str, str]:
    """Returns the outcome of each test."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("conftest.py", "requirements.py", "setup.cfg", "test_suite.py"):
            shutil.copy(HERE / name, folder)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--rootdir=.", "-c", "setup.cfg", "test_suite.py", "--dburi", url],
            cwd=folder,
            env={**os.environ, "UBIQLITE_DROP_IN": "1" if drop_in else ""},
            capture_output=True,
            text=True,
            check=False,
        )
    found = OUTCOME.findall(done.stdout)
    if not found:
        sys.exit(f"no test ran:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    # The names contain the version of SQLite, and the two versions differ.
    return {re.sub(r"_3_\d+_\d+", "", name): outcome for name, outcome in found}


def main() -> None:
    """Compares the outcomes for each URL."""
    differ = 0
    for url in sys.argv[1:] or URLS:
        theirs, ours = outcomes(url, False), outcomes(url, True)
        for name in sorted(theirs.keys() | ours.keys()):
            if theirs.get(name) != ours.get(name):
                differ += 1
                print(f"{url}: {name}: {theirs.get(name)} with aiosqlite, {ours.get(name)} with ours")
        passed = sum(outcome == "PASSED" for outcome in ours.values())
        print(f"{url}: {len(ours)} tests, {passed} passed with both")
        if passed < FEWEST:
            sys.exit(f"only {passed} tests passed")
    sys.exit(1 if differ else 0)


main()
