"""CSV, JSON lines and Parquet, read by those who did not write them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.exports.columns import ExportColumn
from api.exports.forms import make_encoder
from api.exports.question import Form
from courselens.spreadsheets import FORMULA_STARTS
from indicators.arrow import arrow_type
from indicators.shape import Kind

COLUMNS = (
    ExportColumn("name", Kind.STRING, "A text."),
    ExportColumn("seconds", Kind.FLOAT, "A number.", "seconds", "toy_time"),
    ExportColumn("days", Kind.INT, "A count.", "days", "toy_progress"),
    ExportColumn("passed", Kind.BOOL, "Whether."),
    ExportColumn("at", Kind.INSTANT, "When."),
    ExportColumn("day", Kind.DAY, "Which day."),
    ExportColumn("tags", Kind.STRING, "Several.", is_list=True),
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL = ('Ana, "A"\nB', -1.5, -3, True, NOON, date(2026, 3, 1), ["x", "=y"])
NOTHING = (None,) * len(COLUMNS)


def encoded(form: Form, batches: list[list[Any]], columns=COLUMNS, **meta: Any) -> bytes:
    encoder = make_encoder(form, columns, meta)
    return b"".join([encoder.begin(), *map(encoder.rows, batches), encoder.end()])


def test_csv_has_a_head_and_crlf_and_quotes_what_needs_it() -> None:
    assert encoded(Form.CSV, [[FULL], [NOTHING]]) == (
        b"name,seconds,days,passed,at,day,tags\r\n"
        b'"Ana, ""A""\nB",-1.5,-3,true,2026-03-01T12:00:00Z,2026-03-01,"[""x"",""=y""]"\r\n'
        b",,,,,,\r\n"
    )


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_text_that_a_spreadsheet_would_run_is_a_text(start: str) -> None:
    text = f'{start}HYPERLINK("http://evil.example")'
    names = (COLUMNS[0],)
    (_, (cell,)) = csv.reader(io.StringIO(encoded(Form.CSV, [[(text,)]], names).decode(), ""))
    assert cell == f"'{text}"
    assert json.loads(encoded(Form.JSON_LINES, [[(text,)]], names)) == {"name": text}


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_any_text_comes_back_from_csv(texts: list[str]) -> None:
    rows = [(text, "|") for text in texts]
    columns = (COLUMNS[0], ExportColumn("end", Kind.STRING, ""))
    lines = list(csv.reader(io.StringIO(encoded(Form.CSV, [rows], columns).decode(), "")))
    assert [line[1] for line in lines[1:]] == ["|"] * len(texts)
    assert [line[0].removeprefix("'") for line in lines[1:]] == [
        text.removeprefix("'") for text in texts
    ]


def test_numbers_that_are_none_are_missing() -> None:
    rows = [(float("nan"),), (float("inf"),)]
    assert encoded(Form.CSV, [rows], COLUMNS[1:2]) == b'seconds\r\n""\r\n""\r\n'
    assert encoded(Form.JSON_LINES, [rows], COLUMNS[1:2]) == b'{"seconds":null}\n' * 2


def test_json_lines_are_objects_with_null_where_nothing_is() -> None:
    first, second = map(json.loads, encoded(Form.JSON_LINES, [[FULL], [NOTHING]]).splitlines())
    assert first == {
        "name": FULL[0],
        "seconds": -1.5,
        "days": -3,
        "passed": True,
        "at": "2026-03-01T12:00:00Z",
        "day": "2026-03-01",
        "tags": ["x", "=y"],
    }
    assert second == dict.fromkeys(first)


def test_parquet_has_types_units_and_what_the_table_is() -> None:
    read = pq.read_table(pa.BufferReader(encoded(Form.PARQUET, [[FULL], [NOTHING]], run=7)))
    assert read.to_pylist() == [
        dict(zip((column.name for column in COLUMNS), row, strict=True)) for row in (FULL, NOTHING)
    ]
    assert [field.type for field in read.schema] == [arrow_type(column) for column in COLUMNS]
    assert read.schema.field("seconds").metadata[b"unit"] == b"seconds"
    assert read.schema.field("seconds").metadata[b"indicator"] == b"toy_time"
    assert json.loads(read.schema.metadata[b"courselens"]) == {"run": 7}


def test_parquet_of_nobody_has_its_columns() -> None:
    read = pq.read_table(pa.BufferReader(encoded(Form.PARQUET, [])))
    assert (read.num_rows, read.column_names) == (0, [column.name for column in COLUMNS])


def test_parquet_that_ends_early_cannot_be_read() -> None:
    encoder = make_encoder(Form.PARQUET, COLUMNS, {})
    begun = encoder.begin() + encoder.rows([FULL] * 100_000)
    assert len(begun) > 100
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(pa.BufferReader(begun))
