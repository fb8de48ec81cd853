"""What a student may have of oneself: own rows, of every table and in every form."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.exports.export import OPENING_POINTS
from tests.api.exports.ledger import Ledger
from tests.data.served_courses import (
    BETA,
    BIG,
    CHAPTER,
    GLOBAL,
    LEFT,
    NOBODY,
    SMALL,
    SMALL_STUDENTS,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
)

ME = STUDENTS[6]


async def get(
    served: Served, file: str, *, user_id: int = ME, course: str = BIG, **parameters: str
) -> httpx.Response:
    return await served.client.get(
        f"/exports/{course}/{file}",
        params={"own": "true", **parameters},
        headers=served.headers(user_id),
    )


async def rows_of(served: Served, table: str, **asked: Any) -> list[dict[str, Any]]:
    answer = await get(served, f"{table}.jsonl", **asked)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["courselens-rows"]) == len(answer.text.splitlines())
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_own_row_of_the_roster_has_own_values_beside_it(served: Served) -> None:
    (row,) = await rows_of(served, "roster", indicators="all")
    assert (row["user_id"], row["username"], row["cohort"]) == (ME, f"canary-{ME}", "Blue")
    assert row["toy_time__seconds"] == 700.0
    assert row["toy_diary__posts"] == 7  # which the team may not see
    (row,) = await rows_of(served, "roster", indicators="toy_diary")
    assert row["toy_diary__posts"] == 7


async def test_own_rows_of_a_part_are_those_of_one_student(served: Served) -> None:
    (values,) = await rows_of(served, "toy_time", level="student")
    assert values == {
        "course_key": BIG,
        "user_id": ME,
        "username": f"canary-{ME}",
        "seconds": 700.0,
    }
    rows = await rows_of(served, "toy_chapters", level="student")
    assert [(row["user_id"], row["chapter"]) for row in rows] == [(ME, CHAPTER), (ME, "_forum_")]


async def test_all_forms_have_the_same_own_row(served: Served) -> None:
    (row,) = await rows_of(served, "toy_time", level="student")
    parquet = (await get(served, "toy_time.parquet", level="student")).content
    assert pq.read_table(pa.BufferReader(parquet)).to_pylist() == [row]
    text = (await get(served, "toy_time.csv", level="student")).content.decode("utf-8")
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == [
        {name: str(value) for name, value in row.items()}
    ]
    meta = (await get(served, "toy_time.meta.json", level="student")).json()
    assert (meta["rows"], meta["parameters"]) == (1, {"level": "student", "own": True})


async def test_file_of_own_rows_is_named_so_and_points_to_its_own_meta(served: Served) -> None:
    answer = await get(served, "toy_time.csv", level="student")
    assert answer.headers["content-disposition"].endswith('-toy_time-student-own.csv"')
    about = answer.headers["link"].partition("<")[2].partition(">")[0]
    meta = await served.client.get(f"/exports/{BIG}/{about}", headers=served.headers(ME))
    assert meta.json()["rows"] == 1


async def test_one_of_the_team_who_is_no_student_has_no_own_rows(served: Served) -> None:
    assert await rows_of(served, "roster", user_id=STAFF) == []
    assert await rows_of(served, "toy_chapters", user_id=STAFF, level="student") == []


async def test_version_of_one_student_is_not_that_of_another(served: Served) -> None:
    tags = {(await get(served, "roster.csv", user_id=one)).headers["etag"] for one in STUDENTS}
    assert len(tags) == len(STUDENTS)


@pytest.mark.parametrize(
    ("status", "code", "user_id", "file", "parameters"),
    [
        (403, "FORBIDDEN", LEFT, "roster.csv", {}),
        (403, "FORBIDDEN", NOBODY, "roster.csv", {}),
        (403, "FORBIDDEN", BETA, "toy_time.csv", {"level": "student"}),
        (403, "FORBIDDEN", SMALL_STUDENTS[0], "roster.csv", {}),
        (403, "FORBIDDEN", STAFF, "toy_diary.csv", {"level": "student"}),
        (403, "FORBIDDEN", STAFF, "roster.csv", {"indicators": "toy_diary"}),
        (409, "INDICATOR_FAILED", ME, "toy_failed.csv", {"level": "student"}),
        (400, "BAD_PARAMETER", ME, "roster.csv", {"own": "false"}),
        (400, "BAD_PARAMETER", ME, "roster.csv", {"own": str(STUDENTS[0])}),
        (400, "BAD_PARAMETER", ME, "roster.csv", {"filter": "{}"}),
        (400, "BAD_PARAMETER", ME, "roster.csv", {"orderBy": '{"profile": "USER_ID"}'}),
        (400, "BAD_PARAMETER", ME, "toy_time.csv", {}),
        (400, "BAD_PARAMETER", GLOBAL, "toy_time.csv", {"level": "group"}),
    ],
)
async def test_refusal_is_that_of_others_rows(
    served: Served,
    status: int,
    code: str,
    user_id: int,
    file: str,
    parameters: dict[str, str],
) -> None:
    answer = await get(served, file, user_id=user_id, **parameters)
    told = answer.json()["errors"][0]["extensions"]["code"]
    assert (answer.status_code, told) == (status, code), answer.text


async def test_student_of_another_course_has_own_rows_there(served: Served) -> None:
    asked = {"user_id": SMALL_STUDENTS[0], "course": SMALL, "level": "student"}
    (row,) = await rows_of(served, "toy_time", **asked)
    assert (row["user_id"], row["seconds"]) == (SMALL_STUDENTS[0], 10.0)


async def everything(served: Served, user_id: int, **asked: Any) -> dict[str, Any]:
    answer = await served.client.get(
        f"/exports/{asked.pop('course', BIG)}/own.json", headers=served.headers(user_id)
    )
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    rows = [row for table in document["tables"] for row in table["rows"]]
    assert int(answer.headers["courselens-rows"]) == len(rows)
    assert answer.headers["courselens-run"] == str(document["run"])
    return document


async def test_one_call_gives_every_own_table(served: Served) -> None:
    document = await everything(served, ME)
    assert (document["course_key"], document["user_id"]) == (BIG, ME)
    tables = {
        (table["table"], table["parameters"].get("part")): table for table in document["tables"]
    }
    assert set(tables) == {
        ("roster", None),
        ("toy_time", "values"),
        ("toy_time", "standing"),
        ("toy_chapters", "rows"),
        ("toy_chapters", "total"),
        ("toy_posts", "values"),  # of which the class is told nothing: there is no place
        ("toy_diary", "values"),
        ("toy_failed", "values"),
        ("toy_failed", "standing"),
        ("toy_missing", "rows"),
        ("toy_missing", "total"),
        ("toy_later", "values"),
        ("toy_later", "standing"),
    }
    for (table, part), found in tables.items():
        if table == "toy_failed":
            continue
        asked = dict(found["parameters"])
        assert asked.pop("own") is True
        assert found["rows"] == await rows_of(served, table, **asked), (table, part)
        assert all([*row] == [one["name"] for one in found["columns"]] for row in found["rows"])
    failed = tables["toy_failed", "values"]
    assert (failed["rows"], failed["indicators"][0]["status"]) == ([], "failed")
    (missing,) = tables["toy_missing", "rows"]["indicators"]
    assert missing["missing_source"] == ["events"]


async def test_students_of_one_course_get_different_documents(served: Served) -> None:
    for me in STUDENTS:
        text = json.dumps(await everything(served, me))
        assert [one for one in STUDENTS if str(one) in text] == [me]


async def test_own_document_of_a_small_class_tells_nothing_of_the_others(served: Served) -> None:
    document = await everything(served, SMALL_STUDENTS[2], course=SMALL)
    (placed,) = [
        table
        for table in document["tables"]
        if (table["table"], table["parameters"].get("part")) == ("toy_time", "standing")
    ]
    assert placed["rows"][0]["percentile"] is placed["rows"][0]["n"] is None


async def test_own_document_has_a_version_and_a_name(served: Served) -> None:
    path = f"/exports/{BIG}/own.json"
    answer = await served.client.get(path, headers=served.headers(ME))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].endswith(
        'filename="course-v1_Uni_Big_2026-own.json"'
    )
    assert "link" not in answer.headers
    again = {**served.headers(ME), "if-none-match": answer.headers["etag"]}
    assert (await served.client.get(path, headers=again)).status_code == 304
    other = {**served.headers(STUDENTS[0]), "if-none-match": answer.headers["etag"]}
    assert (await served.client.get(path, headers=other)).status_code == 200
    head = await served.client.head(path, headers=served.headers(ME))
    assert (head.content, head.headers["courselens-rows"]) == (
        b"",
        answer.headers["courselens-rows"],
    )


async def test_own_document_that_breaks_off_cannot_be_read(served: Served) -> None:
    text = (
        await served.client.get(f"/exports/{BIG}/own.json", headers=served.headers(ME))
    ).text.rstrip()
    for end in range(0, len(text), 97):
        with pytest.raises(json.JSONDecodeError):
            json.loads(text[:end])


@pytest.mark.parametrize(
    ("status", "user_id", "file"),
    [
        (403, LEFT, "own.json"),
        (403, NOBODY, "own.json"),
        (403, BETA, "own.json"),
        (400, ME, "own.csv"),
        (400, ME, "own.meta.json"),
        (400, ME, "own.json?own=true"),
        (400, ME, "own.json?level=student"),
        (400, ME, "roster.json"),
        (400, STAFF, "toy_time.json"),
    ],
)
async def test_own_document_is_one_form_of_one_table(
    served: Served, status: int, user_id: int, file: str
) -> None:
    answer = await served.client.get(f"/exports/{BIG}/{file}", headers=served.headers(user_id))
    assert answer.status_code == status, answer.text


async def test_own_document_of_the_team_is_what_it_may_see_of_itself(served: Served) -> None:
    document = await everything(served, STAFF)
    assert {table["table"] for table in document["tables"]}.isdisjoint({"toy_diary"})
    assert [row for table in document["tables"] for row in table["rows"]] == []


async def test_own_document_costs_as_its_tables_do(postgres_url: str) -> None:
    ledger = Ledger()
    async with serve(postgres_url, [big_course()], rates=ledger) as served:
        document = await everything(served, ME)
    cells = [len(table["rows"]) * len(table["columns"]) // 8 for table in document["tables"]]
    assert [points for _, points in ledger.taken] == [
        OPENING_POINTS,
        OPENING_POINTS * (len(cells) - 1),
        sum(cells),
    ]
