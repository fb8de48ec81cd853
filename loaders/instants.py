"""Instants as the sources write them: ISO text, BSON dates, epoch milliseconds; all UTC."""

from __future__ import annotations

from datetime import datetime

from courselens.domain import to_us

_LAST_MS = 253_402_300_800_000  # year 10000: what calendars cannot hold is no instant


def parse_instant(value: object) -> int | None:
    """Microseconds since the epoch of an instant in any of the spellings of Open edX.

    Args:
        value: a `datetime` (without a zone: UTC), ISO text with or without zone and quotes, epoch
            milliseconds, `{"$date": ...}` of either, or nothing (None, `""`, `"null"`).

    Returns:
        Integer microseconds; None where the source says nothing.

    Raises:
        ValueError: the value is there but is no instant.
    """
    if isinstance(value, dict):
        inner = value.get("$date", value.get("$numberLong"))
        if inner is None:
            raise ValueError(f"{value!r} is no instant")
        return parse_instant(int(inner) if "$numberLong" in value else inner)
    if value is None:
        return None
    if isinstance(value, datetime):
        return to_us(value)
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no instant")
    if isinstance(value, int | float):
        return _from_milliseconds(value)
    if isinstance(value, str):
        return _parse_text(value)
    raise ValueError(f"{value!r} is no instant")


def _from_milliseconds(value: float) -> int:
    if not abs(value) < _LAST_MS:
        raise ValueError(f"{value!r} is no instant")
    return round(value * 1000)


def _parse_text(value: str) -> int | None:
    text = value.strip().strip('"').strip()
    if text in ("", "null", "None"):
        return None
    try:
        return to_us(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} is no instant") from None
