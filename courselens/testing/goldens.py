"""Golden files: what was computed once and read by a person is what is computed for ever."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from courselens.testing.results import refuse_failed
from indicators.result import Result

_SHOWN_LINES = 40


class Golden:
    """Compares results with a file beside the test, or writes it.

    Args:
        path: of the file.
        update: whether it is written anew: `pytest --update-goldens`.
    """

    def __init__(self, path: Path, *, update: bool) -> None:
        self.path = path
        self.update = update

    def __call__(self, found: Result | Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Compare the rows of a result, or rows by any name, with the file.

        Raises:
            AssertionError: they differ, or there is no file; shows the lines and what to do.
        """
        text = _to_text(_rows(found) if isinstance(found, Result) else found)
        if self.update:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(text, encoding="utf-8")
            return
        fix = "read them, and run `pytest --update-goldens` if they are right"
        if not self.path.exists():
            raise AssertionError(f"there is no {self.path}. Fix: {fix}\n{text}")
        known = self.path.read_text(encoding="utf-8")
        if text != known:
            lines = difflib.unified_diff(
                known.splitlines(), text.splitlines(), "golden file", "computed", lineterm="", n=1
            )
            shown = "\n".join(list(lines)[:_SHOWN_LINES])
            raise AssertionError(f"{self.path} says something else. Fix: {fix}\n{shown}")


def _rows(result: Result) -> dict[str, list[dict[str, Any]]]:
    refuse_failed(result)
    levels = {"student": result.student, "group": result.group}
    return {
        f"{level}.{part}": table.to_pylist()
        for level, parts in levels.items()
        for part, table in parts.items()
    }


def _to_text(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """JSON with a line for each row, so that a changed number is one changed line."""
    tables = [
        f'"{name}": [\n' + ",\n".join(orjson.dumps(dict(row)).decode() for row in table) + "\n]"
        for name, table in rows.items()
    ]
    return "{\n" + ",\n".join(tables) + "\n}\n"
