from __future__ import annotations

import pytest

from loaders.files import convert
from loaders.files.convert import convert_table
from loaders.files.tsv import TsvTable
from loaders.tables.specs import TABLE_SPECS, TableSpec
from loaders.tables.typed import connect

SPEC = TableSpec(
    name="things",
    columns={"id": "int", "course": "text", "n": "int", "x": "float", "b": "bool", "t": "instant"},
    key=("id", "course"),
    telling=(),
    aliases={"moment": "t"},
)


@pytest.fixture
def load(tmp_path):
    def load_text(text, spec=SPEC):
        path = tmp_path / "t.sql"
        path.write_text(text, newline="")
        with connect() as connection:
            return convert_table(connection, TsvTable(spec.name, path), spec, "t.sql")

    return load_text


def reasons(typed):
    return [(problem.line, problem.reason) for problem in typed.problems]


def test_values_get_their_types(load):
    typed = load(
        "id\tcourse\tn\tx\tb\tt\n"
        "1\tC\t-2\t0.5\t1\t1970-01-01 00:00:01\n"
        " 2 \tC\t3.0\t1e3\tfalse\t1970-01-01T00:00:01.5Z\n"
        "3\tC\tNULL\tNULL\tNULL\t1970-01-01 02:00:00+02:00\n"
    )

    assert typed.table.to_pylist() == [
        {"id": 1, "course": "C", "n": -2, "x": 0.5, "b": True, "t": 1_000_000},
        {"id": 2, "course": "C", "n": 3, "x": 1000.0, "b": False, "t": 1_500_000},
        {"id": 3, "course": "C", "n": None, "x": None, "b": None, "t": 0},
    ]
    assert typed.problems == ()


def test_a_row_without_its_key_is_rejected_with_its_line(load):
    typed = load("id\tcourse\tn\tx\tb\tt\n" + "\n".join(
        f"{id_}\t{course}\t\t\t\t"
        for id_, course in [("1", "C"), ("NULL", "C"), ("1.5", "C"), ("2", ""), ("3", "C")]
    ))  # fmt: skip

    assert typed.table["id"].to_pylist() == [1, 3]
    assert (typed.lines, typed.rejects) == (5, 3)
    assert reasons(typed) == [
        (3, "id is missing or no whole number"),
        (4, "id is missing or no whole number"),
        (5, "course is missing"),
    ]


def test_other_values_that_cannot_be_read_are_null_and_counted_once(load):
    typed = load(
        "id\tcourse\tn\tx\tb\tt\n"
        "1\tC\t\t\t\t\n"
        "2\tC\tmany\tNaN\tmaybe\t2015-09-31 00:00:00\n"
        "3\tC\t1.5\tx\t2\t0000-00-00 00:00:00\n"
    )

    assert typed.rejects == 0
    assert (
        typed.table.select(["n", "x", "b", "t"]).slice(1).to_pylist()
        == [{"n": None, "x": None, "b": None, "t": None}] * 2
    )
    assert reasons(typed) == [
        (3, f"things: {count} values of {name} cannot be read and were taken as missing; "
            "the first is here")
        for name, count in [("n", 2), ("x", 2), ("b", 2), ("t", 1)]
    ]  # fmt: skip


def test_extra_columns_are_ignored_and_missing_ones_reported_once(load):
    typed = load("extra\tcourse\tid\tmoment\tn\n?\tC\t1\t1970-01-01 00:00:02\t7\n")

    assert typed.table.to_pylist() == [
        {"id": 1, "course": "C", "n": 7, "x": None, "b": None, "t": 2_000_000}
    ]
    assert reasons(typed) == [
        (None, "things: column x is missing, taken as null"),
        (None, "things: column b is missing, taken as null"),
    ]


def test_a_file_without_a_key_column_is_left_out_whole(load):
    typed = load("id\tn\n1\t2\n3\n")

    assert not typed.is_usable
    assert (typed.lines, typed.rejects, typed.table.num_rows) == (2, 2, 0)
    assert reasons(typed) == [
        (None, "things: column course is missing, so the file was left out; it has id, n")
    ]


def test_rows_and_rejects_are_all_the_lines(load):
    typed = load("id\tcourse\n1\tC\n\n2\nx\tC\n3\tC\t4\n5\tC\n")

    assert typed.lines == 5
    assert typed.table.num_rows + typed.rejects == typed.lines
    assert [line for line, _ in reasons(typed) if line] == [4, 5, 6]


def test_only_the_first_rejects_are_named(load, monkeypatch):
    monkeypatch.setattr(convert, "MAX_NAMED_LINES", 2)
    typed = load("id\tcourse\tn\tx\tb\tt\n" + "x\tC\t\t\t\t\n" * 5 + "1\n")

    assert typed.rejects == 6
    assert reasons(typed) == [
        (2, "id is missing or no whole number"),
        (3, "id is missing or no whole number"),
        (None, "4 more rows were left out"),
    ]


@pytest.mark.parametrize("name", TABLE_SPECS)
def test_every_table_can_be_read_with_its_key_alone(load, name):
    spec = TABLE_SPECS[name]
    values = {"int": "1", "text": "x", "instant": "1970-01-01"}
    typed = load(
        "\t".join(spec.key) + "\n" + "\t".join(values[spec.columns[key]] for key in spec.key), spec
    )

    assert typed.table.num_rows == 1
    assert typed.table.column_names == [*spec.columns, *spec.derived]


@pytest.mark.parametrize("name", TABLE_SPECS)
def test_no_table_reads_names_addresses_or_text_of_people(name):
    spec = TABLE_SPECS[name]
    read = {*spec.columns, *spec.raw}

    assert read.isdisjoint({"email", "first_name", "last_name", "password", "bio", "city", "ip"})
    assert "name" not in read or name.startswith(("cohort", "course_groups"))
