"""The compiled library: the functions called for each request, and those called once."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import cast

from ._ffi import ubiqlite_ffi as generated

__all__ = [
    "DICTS",
    "GONE",
    "MALFORMED",
    "NEEDS_ROOM",
    "Engine",
    "Format",
    "OpenError",
    "Pending",
    "abandon",
    "dbapi",
    "begin",
    "call",
    "descriptor",
    "end",
    "release",
    "serve",
    "shell",
    "short_call",
    "sqlite",
    "start_deserialize",
    "start_open",
    "take",
    "wait",
]

Engine = generated.EngineHandle
Format = generated.Format
# uniffi makes it an exception in a way that no type checker follows.
OpenError = cast(type[Exception], generated.OpenError)
Pending = generated.Pending
start_open = generated.start_open
start_deserialize = generated.start_deserialize

GONE = -1
MALFORMED = -2
NEEDS_ROOM = -16

DICTS = 1 << 30
"""Added to a request's number: its rows must be dicts."""

# The same file that uniffi's module has loaded: a second copy would be a second SQLite.
_PATH = str(Path(generated.__file__).with_name(Path(generated._UniffiLib._name).name))
_releasing = ctypes.CDLL(_PATH)
# These calls are short by construction (a statement runs in them only for a limited number
# of steps), and after releasing the GIL to a busy thread it takes 5 ms to get it back.
_holding = ctypes.PyDLL(_PATH)

call = _holding.ubiqlite_call
call.argtypes = (ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)
call.restype = ctypes.c_int64

dbapi = _holding.ubiqlite_dbapi
dbapi.argtypes = ()
dbapi.restype = ctypes.c_uint64

sqlite = _holding.ubiqlite_sqlite
sqlite.argtypes = ()
sqlite.restype = ctypes.c_int64
# Without declared types on purpose: their conversion is half the cost of a call. Its
# arguments are small integers and bytes, which need no conversion.
short_call = _holding.ubiqlite_marshal_call

begin = _releasing.ubiqlite_marshal_begin
begin.argtypes = (ctypes.c_uint64, ctypes.c_int32, ctypes.c_void_p, ctypes.c_size_t)
begin.restype = ctypes.c_int64

end = _releasing.ubiqlite_marshal_end
end.argtypes = (ctypes.c_int32,)
end.restype = ctypes.c_int64

# It continues with requests and translates their rows: other threads compute in the meantime.
take = _releasing.ubiqlite_take
take.argtypes = (ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t)
take.restype = ctypes.c_int64

wait = _releasing.ubiqlite_wait
wait.argtypes = (ctypes.c_uint64, ctypes.c_int64)
wait.restype = ctypes.c_int64

# Does a connection's work on the calling thread, until the connection ends.
serve = _releasing.ubiqlite_serve
serve.argtypes = (ctypes.c_uint64,)
serve.restype = ctypes.c_int64

abandon = _releasing.ubiqlite_abandon
abandon.argtypes = (ctypes.c_uint64,)
abandon.restype = None

release = _releasing.ubiqlite_release
release.argtypes = (ctypes.c_uint64,)
release.restype = None


def shell(arguments: bytes, length: int) -> int:
    """Runs the shell with arguments that each have a zero at their end, and returns its exit code."""
    function = _releasing.ubiqlite_shell
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
    function.restype = ctypes.c_int64
    return int(function(arguments, length))


def descriptor(client: int) -> int:
    """Returns a file descriptor that is readable when there is something to take; negative if there is none."""
    function = getattr(_releasing, "ubiqlite_descriptor", None)
    if function is None:
        return GONE
    function.argtypes = (ctypes.c_uint64,)
    function.restype = ctypes.c_int64
    return int(function(client))
