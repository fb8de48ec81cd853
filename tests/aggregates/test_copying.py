"""Arrow as COPY text."""

from __future__ import annotations

import asyncio
from datetime import UTC

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregates.copying import copy_table, to_copy_text
from aggregates.database import Database

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def test_columns_are_parted_by_tabs_and_missing_values_marked():
    rows = pa.table({"a": [1, None], "b": ["x", ""], "c": [True, None]})
    assert to_copy_text(rows) == b"1\tx\ttrue\n\\N\t\t\\N\n"


def test_a_slice_gives_its_own_rows():
    rows = pa.table({"a": ["one", "two", "three"]})
    assert to_copy_text(rows.slice(1, 1)) == b"two\n"


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | TEXT,
        st.none() | st.lists(st.none() | TEXT, max_size=3),
        st.none() | st.lists(st.none() | st.integers(-9, 9), max_size=3),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.none() | st.dates(),
    ),
    min_size=1,
    max_size=20,
)
COLUMNS = {
    "a": ("bigint", pa.int64()),
    "b": ("float8", pa.float64()),
    "c": ("text", pa.string()),
    "d": ("text[]", pa.list_(pa.string())),
    "e": ("bigint[]", pa.list_(pa.int64())),
    "f": ("timestamptz", pa.timestamp("us", tz="UTC")),
    "g": ("date", pa.date32()),
}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_values_come_back_as_they_went(postgres_url: str, rows: list[tuple[object, ...]]):
    assert asyncio.run(_there_and_back(postgres_url, rows)) == rows


async def _there_and_back(url: str, rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    arrays = {name: pa.array(column, COLUMNS[name][1]) for name, column in columns.items()}
    table = pa.table({**arrays, "place": pa.array(range(len(rows)), pa.int64())})
    declared = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    database = await Database.connect(url, pool_size=1, deadline_seconds=10)
    try:
        async with database.transaction() as connection:
            await connection.execute(
                f"CREATE TEMP TABLE kept ({declared}, place bigint) ON COMMIT DROP"
            )
            await copy_table(connection, "kept", table, deadline_seconds=10)
            found = await connection.fetch(f"SELECT {', '.join(COLUMNS)} FROM kept ORDER BY place")
            return [tuple(row) for row in found]
    finally:
        await database.close()


def test_nul_is_left_out():
    assert to_copy_text(pa.table({"a": ["x\0y"]})) == b"xy\n"


async def test_no_rows_are_no_copy():
    empty = pa.table({"a": pa.array([], pa.int64())})
    assert await copy_table(None, "nowhere", empty, deadline_seconds=1) == 0


@pytest.mark.parametrize("text", ["\\.", "\\N", "a\tb", "a\r\nb", "{,}", '"', "\\"])
async def test_marks_of_the_format_are_plain_text(postgres_url: str, text: str):
    database = await Database.connect(postgres_url, pool_size=1, deadline_seconds=10)
    try:
        async with database.transaction() as connection:
            await connection.execute("CREATE TEMP TABLE t (a text, b text[]) ON COMMIT DROP")
            rows = pa.table({"a": [text, None], "b": [[text, None], None]})
            await copy_table(connection, "t", rows, deadline_seconds=10)
            found = [tuple(row) for row in await connection.fetch("SELECT a, b FROM t")]
        assert found == [(text, [text, None]), (None, None)]
    finally:
        await database.close()
