"""Rows of results as plain values, to compare with numbers worked out by hand."""

from __future__ import annotations

from typing import Any

from indicators.result import Result


def student_rows(result: Result, part: str = "values") -> list[tuple[Any, ...]]:
    """Rows of a student part, each a tuple of its columns."""
    return _rows(result, result.student[part])


def group_rows(result: Result, part: str = "rows", *, group: str = "course") -> list[Any]:
    """Rows of a group part without the group, each a tuple of its columns."""
    return [row[1:] for row in _rows(result, result.group[part]) if row[0] == group]


def refuse_failed(result: Result) -> None:
    """Rows of a failed indicator are null, and compare equal to what was never measured.

    Raises:
        AssertionError: it has failed; says of what.
    """
    if result.envelope.error is not None:
        raise AssertionError(f"{result.indicator.key} fails: {result.envelope.error}")


def _rows(result: Result, table: Any) -> list[tuple[Any, ...]]:
    refuse_failed(result)
    return [tuple(row.values()) for row in table.to_pylist()]
