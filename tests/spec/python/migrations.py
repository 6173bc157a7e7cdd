"""Migrations: the files and options of a step, and what is told of them as data."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import ubiqlite

from call import Call
from data import Failure
from values import from_count, from_yes

_OPTIONS = ("allow_newer", "accept_edited", "lock_timeout")


def opened_with(given: dict[str, Any]) -> Any:
    """Returns the option of ``open``: the files as a mapping, or with options."""
    files, options = dict(given["files"]), _options(given)
    if set(given) - {"files", *_OPTIONS} or len(files) != len(given["files"]):
        raise Failure(f"these are no migrations: {given}")
    return ubiqlite.Migrations(files, **options) if options else files


async def carried_out(db: Any, call: Call) -> list[dict[str, Any]]:
    """Does what a step says, with the files as pairs."""
    files = [(name, text) for name, text in call.json("files")]
    options = _options({name: call.json(name) for name in _OPTIONS if call.has(name)})
    do, numbers = call.json("do"), [call.json("number")] if call.has("number") else []
    call.done()
    convert = {"applied": _applied, "verify": _drift, "rehearse": _drift}.get(do, _step)
    found = await getattr(db.migrations(files, **options), do)(*numbers)
    if type(found) is not list:
        raise Failure(f"what is told of migrations is {found!r}")
    return [convert(each) for each in found]


def _options(given: dict[str, Any]) -> dict[str, Any]:
    in_seconds = {name: given[name] for name in _OPTIONS if name in given}
    if "lock_timeout" in in_seconds:
        in_seconds["lock_timeout"] /= 1000
    return in_seconds


def _step(step: Any) -> dict[str, Any]:
    fields = _fields(step, ubiqlite.MigrationStep, ["number", "name", "action", "alone", "took"])
    return {**fields, "number": from_count(step.number), "alone": from_yes(step.alone), "took": _took(step.took)}


def _applied(applied: Any) -> dict[str, Any]:
    flags = ["breaks_older", "reversible", "known"]
    fields = _fields(applied, ubiqlite.AppliedMigration, ["number", "name", "applied_at", "took", *flags])
    at = applied.applied_at
    if at is not None and not (isinstance(at, datetime) and at.tzinfo is timezone.utc):
        raise Failure(f"it was applied at {at!r}")
    return {**fields, "took": _took(applied.took), **{name: from_yes(fields[name]) for name in flags}}


def _drift(drift: Any) -> dict[str, Any]:
    return _fields(drift, ubiqlite.Drift, ["object", "kind", "details"])


def _fields(told: Any, kind: type, names: list[str]) -> dict[str, Any]:
    if type(told) is not kind or list(vars(told)) != names:
        raise Failure(f"not a {kind.__name__} of {names}: {told!r}")
    return dict(vars(told))


def _took(took: Any) -> Any:
    if took is not None and not (type(took) is timedelta and took >= timedelta()):
        raise Failure(f"it took {took!r}")
    return took
