"""Dates and times as text: each kind has one width in every language, so that texts sort by time."""

from __future__ import annotations

import datetime
import re
from typing import Optional

UTC = datetime.timezone.utc


def write(value: object) -> Optional[str]:
    """Returns the text that stores a date or time; ``None`` for other types. Raises ``ValueError`` if it has none."""
    if isinstance(value, datetime.datetime):
        if value != value:
            # pandas has a datetime that is no moment.
            raise ValueError("is not a moment in time")
        # Nine fractional digits, as every language writes; Python has six, and pandas all nine.
        nanos = f"{getattr(value, 'nanosecond', 0):03d}"
        if value.tzinfo is None or value.utcoffset() is None:
            return value.replace(tzinfo=None).isoformat(timespec="microseconds") + nanos
        try:
            utc = value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("is outside the years 1 to 9999 in UTC") from None
        return f"{utc.isoformat(timespec='microseconds')}{nanos}Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        if value.tzinfo is not None:
            raise ValueError("is a time of day with a time zone, which means nothing without a date")
        return value.isoformat(timespec="microseconds") + "000"
    if isinstance(value, datetime.timedelta):
        return _write_span(value)
    return None


def read_moment(text: str) -> datetime.datetime:
    """Reads a date with a time: in UTC, or with the offset in the text; naive if the text has none.

    It also reads the output of SQLite's own functions: with a blank for the ``T``, with fewer
    digits. Digits beyond microseconds are dropped: Python has none. Raises ``ValueError``.
    """
    if len(text) == 30 and text.endswith("000Z") and text[19] == "." and text[10] == "T":
        # The format written here and by SQL's strftime; read by C code.
        return datetime.datetime.fromisoformat(text[:26] + "+00:00")
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date with a time")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    return datetime.datetime(
        int(year), int(month), int(day), int(hour), int(minute), int(second or 0), _micros(fraction), _zone(zone)
    )


def read_date(text: str) -> datetime.date:
    """Reads a date without a time. Raises ``ValueError``."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date alone")
    return datetime.date(*map(int, match.groups()))


def read_time(text: str) -> datetime.time:
    """Reads a time of day without a date. Raises ``ValueError``."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day alone")
    hour, minute, second, fraction = match.groups()
    return datetime.time(int(hour), int(minute), int(second or 0), _micros(fraction))


def read_span(text: str) -> datetime.timedelta:
    """Reads an ISO 8601 duration, of weeks, days and smaller units. Raises ``ValueError``."""
    match = _SPAN.fullmatch(text)
    if match is None or not any(match.groups()[1:]) or text.endswith("T"):
        raise ValueError(f"{text!r} is not a length of time")
    sign, weeks, days, hours, minutes, seconds, fraction = match.groups()
    try:
        span = datetime.timedelta(
            weeks=int(weeks or 0), days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0),
            seconds=int(seconds or 0), microseconds=_micros(fraction),
        )  # fmt: skip
    except OverflowError:
        raise ValueError(f"{text!r} is longer than a Python timedelta can be") from None
    return -span if sign == "-" else span


_DAY = r"(\d{4})-(\d\d)-(\d\d)"
_CLOCK = r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
_DATE = re.compile(_DAY, re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_MOMENT = re.compile(rf"{_DAY}[Tt ]{_CLOCK}([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_SPAN = re.compile(r"([+-])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?", re.ASCII)


def _micros(fraction: Optional[str]) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _zone(text: Optional[str]) -> Optional[datetime.timezone]:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    offset = datetime.timedelta(hours=int(text[1:3]), minutes=int(text[4:]))
    return datetime.timezone(-offset if text[0] == "-" else offset)


def _write_span(span: datetime.timedelta) -> str:
    """Writes an ISO 8601 duration in hours and smaller units, which every reader of such texts knows."""
    # pandas also has nanoseconds: they are added to the microseconds, even in negative durations.
    nanos = span // datetime.timedelta(microseconds=1) * 1000 + getattr(span, "nanoseconds", 0)
    sign = "-" if nanos < 0 else ""
    seconds, nanos = divmod(abs(nanos), 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    micros, nanos = divmod(nanos, 1000)
    fraction = f".{micros:06d}{nanos:03d}" if nanos else f".{micros:06d}" if micros else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    if seconds or fraction or not (hours or minutes):
        parts.append(f"{seconds}{fraction}S")
    return f"{sign}PT{''.join(parts)}"
