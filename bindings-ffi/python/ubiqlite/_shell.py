"""The shell, which the library has: ``python -m ubiqlite`` and the command ``ubiqlite``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Optional

from . import _library
from .errors import Internal


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the shell until it is left, and returns its exit code. Until then Ctrl-C stops what it runs.

    :param arguments: those of a command line, without the program's name. Default: those of this process
    """
    if arguments is None:
        arguments = sys.argv[1:]
    # What this process has written comes first.
    sys.stdout.flush()
    given = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
    code = _library.shell(given, len(given))
    if code < 0:
        raise Internal("the shell ended by a panic: this is a defect")
    return code
