"""Names of tables and columns, from declarations only, within PostgreSQL's 63 characters."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

MAX_LENGTH = 63
StoredLevel = Literal["student", "group"]


def quote(identifier: str) -> str:
    """The identifier as it stands in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text of a declaration as it stands in SQL; what anybody sends is an argument instead."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def shorten(name: str) -> str:
    """The name itself, or its beginning and a hash of the whole: the same for ever."""
    if len(name) <= MAX_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: MAX_LENGTH - 11]}_{digest}"


def wide_table(provider: str) -> str:
    """Table of a provider's scalar student values."""
    plain = re.sub(r"[^a-z0-9]+", "_", provider.lower()).strip("_")
    # Distributions that differ in punctuation only are the same to pip, so this stays unique.
    return shorten(f"student_values_{plain}")


def part_table(indicator: str, level: StoredLevel, part: str) -> str:
    """Table of one part of an indicator's results at one level."""
    return shorten(f"{indicator}__{level[0]}__{part}")


def value_column(indicator: str, field: str) -> str:
    """Column of a scalar student field in its provider's wide table."""
    return shorten(f"{indicator}__{field}")


def standing_column(indicator: str, field: str) -> str:
    """Column of the student's percentile rank in the course, 0..100."""
    return shorten(f"{indicator}__{field}__pct")
