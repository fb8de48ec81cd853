"""Opaque texts that clients hand back: places in a list, and global ids."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from courselens.errors import BadCursor, QueryError


def write_cursor(order: str, place: str) -> str:
    """A place in a list that is sorted by `order`."""
    return _write([order, place])


def read_cursor(cursor: str, order: str) -> str:
    """The place that `write_cursor` was given.

    Raises:
        BadCursor: it is none of ours, or of a list in another order.
    """
    try:
        made_for, place = _read(cursor)
    except ValueError:
        raise BadCursor("is none that this API gave") from None
    if made_for != order:
        raise BadCursor("belongs to a list in another order")
    return place


def write_id(kind: str, *key: str | int) -> str:
    """The global id of an object."""
    return _write([kind, *map(str, key)])


def read_id(text: str) -> tuple[str, ...]:
    """Kind and key of a global id.

    Raises:
        QueryError: it is none of ours.
    """
    try:
        return tuple(_read(text))
    except ValueError:
        raise QueryError(f"{text!r} is no id of this API") from None


def _write(parts: list[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def _read(text: str) -> list[str]:
    """The parts; ValueError for whatever `_write` did not make."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts: Any = orjson.loads(raw)
    except (binascii.Error, orjson.JSONDecodeError, UnicodeEncodeError) as exc:
        raise ValueError(text) from exc
    if not isinstance(parts, list) or len(parts) < 2:
        raise ValueError(text)
    if not all(isinstance(part, str) and "\x00" not in part for part in parts):
        raise ValueError(text)
    return parts
