"""The shell of the package: ``python -m ubiqlite``, and the command that the wheel brings."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

import ubiqlite
from ubiqlite import _shell

HERE = Path(ubiqlite.__file__).parents[1]


def environment() -> dict[str, str]:
    """Returns that of a process which finds the package that is tested here."""
    return {**os.environ, "UBIQLITE_HISTORY": "", "PYTHONPATH": str(HERE), "PYTHONIOENCODING": "utf-8"}


def shell(*arguments: str | Path, script: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ubiqlite", *map(str, arguments)]
    return subprocess.run(
        command, input=script, capture_output=True, env=environment(), encoding="utf-8", timeout=120, check=False
    )


def test_arguments_a_script_and_the_exit_code_come_through(tmp_path: Path) -> None:
    path = tmp_path / "lämp.db"
    made = shell(path, script="CREATE TABLE items (id, name);\nINSERT INTO items VALUES (1, 'lämp'), (2, NULL);\n")
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert shell("-csv", path, "SELECT * FROM items").stdout == "id,name\n1,lämp\n2,\n"
    assert shell(path, ".tables").stdout == "items\n"
    assert shell("-nullvalue", "", "-list", path, "SELECT NULL, 1").stdout == "|1\n"
    wrong = shell(path, script="SELECT 1;\nSELECT nope;\nSELECT 2;\n")
    assert (wrong.returncode, wrong.stdout) == (1, "1\n")
    assert wrong.stderr.startswith("stdin:2: ")
    assert shell("-nope").returncode == 2


def test_a_dump_is_read_by_pythons_own_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    shell(path, "CREATE TABLE t (a); INSERT INTO t VALUES (x'00ff'), ('it''s'), (1.5), (CAST(x'610062' AS TEXT))")
    other = sqlite3.connect(":memory:")
    other.executescript(shell(path, ".dump").stdout)
    assert other.execute("SELECT a FROM t").fetchall() == [(b"\x00\xff",), ("it's",), (1.5,), ("a\0b",)]
    other.close()


async def _opened(path: Path) -> None:
    async with ubiqlite.open(path) as db:
        await db.execute("CREATE TABLE t (a)")
        done = shell(path, "INSERT INTO t VALUES (1); SELECT count(*) FROM t")
        assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
        assert await db.query_value("SELECT count(*) FROM t") == 1


def test_a_file_that_this_process_has_open_is_read_and_written(tmp_path: Path) -> None:
    import asyncio

    asyncio.run(_opened(tmp_path / "app.db"))


def test_ctrl_c_stops_the_statement_and_python_has_its_own_handler_back(tmp_path: Path) -> None:
    code = (
        # Whoever runs the tests in the background may have it ignored.
        "import signal, time; from ubiqlite import _shell\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'\n"
        "print('begun', flush=True)\n"
        "print(_shell.main([':memory:', endless]), flush=True)\n"
        "try:\n    print('waits', flush=True)\n    while True:\n        time.sleep(0.01)\n"
        "except KeyboardInterrupt:\n    print('KeyboardInterrupt')\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    if sys.platform == "win32":
        pytest.skip("a signal reaches the whole console there")
    assert child.stdout.readline() == "begun\n"
    # Until it runs the statement, a signal would be Python's.
    deadline = time.monotonic() + 60
    while "SigCgt" in (status := Path(f"/proc/{child.pid}/status").read_text()) and time.monotonic() < deadline:
        used = sum(int(it) for it in Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
        if used > 50 and re.search(r"Threads:\s*([3-9]|\d\d)", status):
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    assert [child.stdout.readline() for _ in range(2)] == ["1\n", "waits\n"]
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert out == "KeyboardInterrupt\n"
    assert "interrupted" in err


def test_the_command_of_an_installed_wheel_is_the_shell(tmp_path: Path) -> None:
    if not (HERE / "ubiqlite-0.1.0.dist-info").exists() and HERE.name != "site-packages":
        pytest.skip("the package is not installed here")
    name = "ubiqlite.exe" if sys.platform == "win32" else "ubiqlite"
    command = Path(sysconfig.get_path("scripts")) / name
    done = subprocess.run([command, ":memory:", "SELECT 42"], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_arguments_may_be_passed_in(capfd: pytest.CaptureFixture[str]) -> None:
    assert _shell.main([":memory:", "SELECT 'in process'", ".exit 3"]) == 3
    assert capfd.readouterr().out == "in process\n"
