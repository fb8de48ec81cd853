"""A checksum of a course's rows that the server computes, so that none has to travel."""

from __future__ import annotations

from dataclasses import dataclass

from loaders.mysql.reads import Path, Read, render
from loaders.mysql.schema import Schema


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of a course's rows in all tables of a dataset.

    `checksum` is None where changed rows are found by time, so that their number tells enough.
    """

    rows: int
    checksum: str | None


def counts_only(read: Read) -> bool:
    """Whether changed rows are found by time, as those are of a table that is read alone."""
    is_found_by_time = read.changes is not None and read.changes.by_time is not None
    # What is joined changes without a date of its own.
    return is_found_by_time and len(read.tables) == 1


def render_fingerprint(read: Read, path: Path, schema: Schema) -> str | None:
    """SQL of one row that tells whether rows of a course have come, gone or changed.

    Counts only, which the index alone answers, where changed rows are found by time.

    Returns:
        The statement; None where rows are reached through other rows.
    """
    if path.parents is not None:
        return None
    statement = render(read, path, schema)
    if counts_only(read):
        return f"SELECT COUNT(*) FROM {statement.source}"
    left_out = {
        (joined.spec.name, column)
        for joined in read.tables
        for column in (*joined.spec.raw, *(joined.computed or {}))
    }
    texts = [
        f"COALESCE({sql}, '~')"
        for column, sql in zip(statement.columns, statement.expressions, strict=True)
        if column not in left_out
    ]
    row = f"CRC32(CONCAT_WS('|', {', '.join([*texts, *path.keyset])}))"
    return (
        f"SELECT STRAIGHT_JOIN COUNT(*), COALESCE(BIT_XOR({row}), 0), COALESCE(SUM({row}), 0)"
        f" FROM {statement.source}"
    )
