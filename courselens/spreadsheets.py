"""Values as cells of CSV, such that no spreadsheet takes a text for a formula."""

from __future__ import annotations

from typing import Any

import orjson

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width
"""How a text begins that spreadsheets run: somebody may have written it into a username."""


def text_cell(text: str) -> str:
    """A text, with `'` before what a spreadsheet would run."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def cell(value: Any) -> Any:
    """A value of any kind: truth as `true` and `false`, a list as JSON, numbers as they are."""
    if isinstance(value, str):
        return text_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()
    return value
