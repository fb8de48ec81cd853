"""Arrow tables as the text that PostgreSQL's COPY reads, whole columns at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pyarrow as pa
import pyarrow.compute as pc

from aggregates.database import Connection

BATCH_ROWS = 20_000
_NULL = "\\N"


async def copy_table(
    connection: Connection, name: str, rows: pa.Table, *, deadline_seconds: float
) -> int:
    """Append rows to a table, columns matched by name; gives their number."""
    if not rows.num_rows:
        return 0
    await connection.copy_to_table(
        name,
        source=_chunks(rows),
        columns=rows.column_names,
        timeout=deadline_seconds,
    )
    return int(rows.num_rows)


async def _chunks(rows: pa.Table) -> AsyncIterator[bytes]:
    for start in range(0, rows.num_rows, BATCH_ROWS):
        # In a thread: the loop may be serving requests.
        yield await asyncio.to_thread(to_copy_text, rows.slice(start, BATCH_ROWS))


def to_copy_text(rows: pa.Table) -> bytes:
    """The rows in COPY's text format: tabs between columns, a line end after each row."""
    columns = [_column_text(column.combine_chunks()) for column in rows.columns]
    columns[-1] = pc.binary_join_element_wise(columns[-1], "\n", "")
    lines = pc.binary_join_element_wise(*columns, "\t")
    # The lines lie one after the other in Arrow's buffer: that is the text already.
    first, last = lines.offset, lines.offset + len(lines)
    offsets = pa.Array.from_buffers(pa.int32(), last + 1, [None, lines.buffers()[1]])
    buffer = lines.buffers()[2]
    return bytes(buffer[offsets[first].as_py() : offsets[last].as_py()])


def _column_text(column: pa.Array) -> pa.Array:
    text = _list_text(column) if pa.types.is_list(column.type) else _scalar_text(column)
    if pa.types.is_list(column.type) or pa.types.is_string(column.type):
        # PostgreSQL's text has no NUL.
        text = pc.replace_substring(text, "\0", "")
        for character, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
            text = pc.replace_substring(text, character, escaped)
    return pc.fill_null(text, _NULL)


def _scalar_text(column: pa.Array) -> pa.Array:
    return pc.cast(column, pa.string())


def _list_text(column: pa.Array) -> pa.Array:
    """PostgreSQL's array literals, such as `{1,NULL}` or `{"a","b"}`."""
    lengths = pc.list_value_length(column)
    items = column.flatten()
    text = _scalar_text(items)
    if pa.types.is_string(items.type):
        for character in ("\\", '"'):
            text = pc.replace_substring(text, character, "\\" + character)
        text = pc.binary_join_element_wise('"', text, '"', "")
    text = pc.fill_null(text, "NULL")
    counts = pc.fill_null(lengths, 0)
    offsets = pa.concat_arrays(
        [pa.array([0], pa.int32()), pc.cumulative_sum(counts.cast(pa.int32()))]
    )
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, text), ",")
    literal = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(pc.is_valid(column), literal, pa.scalar(None, pa.string()))
