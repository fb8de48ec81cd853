"""The exact pass: looks at the lines that the bulk reader could not read, one by one.

A line is mended where nothing is guessed (bytes before the object, NUL bytes, bytes that are no
UTF-8, several records joined by a lost newline), else rejected with a reason.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from pathlib import Path

PARTS = 16
"""Events that one line can hold; `_place` is the line's number times this, plus the part."""

_TRIES = 64  # places in a broken line where a record is looked for
_decoder = json.JSONDecoder()


Rejects = dict[str, "array[int]"]
"""Numbers of the lines that give no event, from 1, by reason."""


def repair(lines: Iterable[tuple[int, bytes]], mended: Path) -> Rejects:
    """Write the events of the lines to `mended`; name those without.

    Args:
        lines: with their numbers.
        mended: receives one event per line, with `_place` added.

    Returns:
        Rejects with reason `blank`, `comment` or `dropped_parse`; `rest_of_line` for a line that
        gave an event and holds more that cannot be read.
    """
    rejects: Rejects = {}

    def reject(number: int, reason: str) -> None:
        rejects.setdefault(reason, array("q")).append(number)

    with mended.open("wb") as out:
        for number, line in lines:
            if not line.strip(b"\0 \t\r\n"):
                reject(number, "blank")
                continue
            if line.lstrip().startswith(b"#"):
                reject(number, "comment")
                continue
            events, is_whole = _events(line.replace(b"\0", b"").decode("utf-8", "replace"))
            if not events:
                reject(number, "dropped_parse")
            elif not is_whole:
                reject(number, "rest_of_line")
            for part, event in enumerate(events):
                event["_place"] = number * PARTS + part
                # a lone surrogate is legal in JSON text and not in UTF-8
                out.write(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))
                out.write(b"\n")
    return rejects


def _events(line: str) -> tuple[list[dict[str, object]], bool]:
    """Records of a line, and whether they are all that it holds."""
    events = list[dict[str, object]]()
    at, is_whole = line.find("{"), True
    for _ in range(_TRIES):
        if at < 0 or len(events) == PARTS:
            break
        try:
            value, end = _decoder.raw_decode(line, at)
        except (ValueError, RecursionError):
            is_whole = False
            at = line.find('{"', at + 1)
            continue
        # behind a broken piece only a whole record counts, not an object inside it
        if isinstance(value, dict) and (is_whole or _is_record(value)):
            events.append(value)
        at = line.find("{", end)
    return events, is_whole and at < 0


def _is_record(value: dict[str, object]) -> bool:
    has_time = "time" in value or "timestamp" in value
    return has_time and ("event_type" in value or "name" in value) and "context" in value
