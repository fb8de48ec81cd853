"""What a loader left out, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was left out or could not be read; everything else was loaded.

    `line` counts from 1; it is None when the problem is the file as a whole.
    """

    path: str
    line: int | None
    reason: str
