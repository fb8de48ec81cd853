"""`export`: files that are complete or not there, of the store that the settings name."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aggregates.store import Store
from indicators.registry import load_registry
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
)

PEOPLE = [
    Person(1, cohort="Blue", username="=ana"),
    Person(2, cohort="Green", username="ben"),
    Person(3, in_l=False, username="cem"),
]


@pytest.fixture(scope="module")
def course(postgres_url: str) -> str:
    async def write() -> None:
        store = await Store.connect(postgres_url, registry=load_registry())
        try:
            await store.migrate()
            await store.write(build_course(PEOPLE, []), input_digest="1", cursors={})
        finally:
            await store.close()

    asyncio.run(write())
    return COURSE_KEY


@pytest.fixture
def export(run, monkeypatch, postgres_url: str, course: str):
    monkeypatch.setenv("COURSELENS_DATABASE_URL", postgres_url)
    return lambda *arguments: run("export", course, *arguments)


def test_table_goes_to_standard_output_and_progress_elsewhere(export) -> None:
    told = export("roster")
    assert told.code == 0, told.err
    rows = list(csv.DictReader(io.StringIO(told.out, newline="")))
    assert [(row["user_id"], row["username"], row["cohort"]) for row in rows] == [
        ("1", "'=ana", "Blue"),
        ("2", "ben", "Green"),
    ]
    assert "written: 2 rows" in told.err


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl", "all.parquet"])
def test_name_of_the_file_says_its_form(export, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    told = export("roster", "--indicators", "all", "--out", out)
    assert told.code == 0, told.err
    assert told.out == ""
    if name.endswith("parquet"):
        assert pq.read_table(out)["username"].to_pylist() == ["=ana", "ben"]
        assert os.listdir(tmp_path) == [name]
        return
    text = out.read_bytes().decode("utf-8")
    assert text.count("\r\n") == (3 if name.endswith("csv") else 0)
    assert "ben" in text
    meta = json.loads((tmp_path / "all.meta.json").read_text(encoding="utf-8"))
    assert meta["rows"] == 2
    assert {one["status"] for one in meta["indicators"]} == {"pending"}
    assert sorted(os.listdir(tmp_path)) == sorted([name, "all.meta.json"])
    assert out.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def test_filter_and_order_are_those_of_the_schema(export) -> None:
    told = export("roster", "--filter", '{"cohort": ["Blue", "Green"]}', "--format", "jsonl",
                  "--order-by", '{"profile": "USER_ID", "direction": "DESC"}')  # fmt: skip
    assert told.code == 0, told.err
    assert [json.loads(line)["user_id"] for line in told.out.splitlines()] == [2, 1]


def test_student_asks_the_operator_for_everything(export, tmp_path: Path) -> None:
    out = tmp_path / "ana.json"
    told = export("own", "--user-id", 1, "--out", out)
    assert told.code == 0, told.err
    assert os.listdir(tmp_path) == [out.name]
    document = json.loads(out.read_bytes())
    assert document["user_id"] == 1
    roster, *others = document["tables"]
    assert [row["username"] for row in roster["rows"]] == ["=ana"]
    assert {"course_grade", "time_on_course"} <= {table["table"] for table in others}
    assert "ben" not in out.read_text(encoding="utf-8")
    assert json.loads(export("own", "--user-id", 1).out) == document


@pytest.mark.parametrize("name", ["own.csv", "own.jsonl", "own.parquet"])
def test_rows_of_one_student_come_in_every_form(export, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    for table in ("course_grade", "roster"):
        told = export(table, "--user-id", 2, "--out", out)
        assert told.code == 0, told.err
        assert "written: 1 rows" in told.err
        if name.endswith("parquet"):
            assert pq.read_table(out)["user_id"].to_pylist() == [2]
        else:
            assert "ben" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["own"], "table='own': allowed is of a student"),
        (["own", "--user-id", "3"], "a student who is enrolled"),
        (["roster", "--user-id", "4"], "a student who is enrolled"),
        (["own", "--user-id", "1", "--format", "csv"], "allowed is json"),
        (["own", "--user-id", "1", "--part", "rows"], "no part with the table 'own'"),
        (["roster", "--format", "json"], "csv | jsonl | parquet | meta.json"),
        (["roster", "--user-id", "1", "--filter", "{}"], "no filter of own rows"),
        (["course_grade", "--user-id", "1", "--level", "course"], "no own but at level student"),
        (["roster", "--filter", "{"], "filter"),
        (["roster", "--level", "course"], "no level"),
        (["nothing"], "no indicator is named 'nothing'"),
        (["time_on_course", "--part", "nothing"], "summary | histogram | values"),
        (["roster", "--out", "roster.xls"], "csv | jsonl | parquet"),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(
    export, tmp_path: Path, monkeypatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = export(*arguments)
    assert told.code == 2, told.err
    assert problem in told.err
    assert "Traceback" not in told.err
    assert [name for name in os.listdir(tmp_path) if name != "home"] == []


def test_course_that_is_not_stored_is_named_with_those_that_are(
    run, monkeypatch, postgres_url: str, course: str
) -> None:
    monkeypatch.setenv("COURSELENS_DATABASE_URL", postgres_url)
    told = run("export", "course-v1:No+Such+Course", "roster")
    assert told.code == 2
    assert course in told.err


def test_file_that_cannot_be_written_is_one_line(export, tmp_path: Path) -> None:
    told = export("roster", "--out", tmp_path / "none" / "roster.csv")
    assert told.code == 1
    assert "nothing was written" in told.err


def test_file_of_before_stays_where_the_new_one_fails(export, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "roster.csv"
    assert export("roster", "--out", out).code == 0
    before = out.read_bytes()
    monkeypatch.setenv("COURSELENS_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert export("roster", "--out", out).code == 1
    assert out.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["roster.csv", "roster.meta.json"]


def test_reader_who_has_had_enough_ends_it_quietly(
    postgres_url: str, course: str, tmp_path: Path
) -> None:
    program = Path(sys.executable).parent / "courselens"
    ended = subprocess.run(
        f'"{program}" export "{course}" roster | true; echo "${{PIPESTATUS[0]}}"',
        shell=True,
        executable="/bin/bash",
        env={
            **os.environ,
            "COURSELENS_DATABASE_URL": postgres_url,
            "COURSELENS_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.strip() in ("0", "1")
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr
