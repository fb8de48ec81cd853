"""Files over HTTP: the numbers of GraphQL, its rights, limits and versions."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.access.policy import ProfileFilters
from api.documents.limits import Limits
from api.exports.export import OPENING_POINTS
from api.http.gate import Gate
from api.http.rates import LocalRates
from api.metrics import Metrics
from tests.api.exports.ledger import Ledger
from tests.data.served_courses import (
    BETA,
    BIG,
    GLOBAL,
    NOBODY,
    NOWHERE,
    SMALL,
    SMALL_STUDENTS,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
)


async def get(
    served: Served,
    file: str,
    *,
    user_id: int | None = STAFF,
    course: str = BIG,
    method: str = "GET",
    tag: str | None = None,
    **parameters: str,
) -> httpx.Response:
    headers = served.headers(user_id) | ({"if-none-match": tag} if tag else {})
    return await served.client.request(
        method, f"/exports/{course}/{file}", params=parameters, headers=headers
    )


async def rows_of(served: Served, file: str, **asked: Any) -> list[dict[str, Any]]:
    """Rows of a file of JSON lines."""
    answer = await get(served, f"{file}.jsonl", **asked)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["errors"][0]["extensions"]["code"]
    return code


async def test_roster_is_everybody_who_is_enrolled(served: Served) -> None:
    rows = await rows_of(served, "roster")
    assert [row["user_id"] for row in rows] == list(STUDENTS)
    assert rows[0] == {
        "course_key": BIG,
        "user_id": 700_001,
        "username": "canary-700001",
        "mode": "audit",
        "cohort": "Blue",
        "grade_band": "fail",
        "year_of_birth": 1971,
        "gender": "f",
        "level_of_education": None,
        "country": None,
        "enrolled_at": "2026-03-01T00:00:00.700001Z",
    }


FILTER = {"cohort": ["Blue"], "values": {"toyTime": {"gte": 300}}}
ORDER = {"indicator": "TOY_TIME", "direction": "DESC"}


async def test_filter_and_order_are_those_of_graphql(served: Served) -> None:
    answer = await served.ask(
        "query($c: ID!, $f: StudentFilter, $o: StudentOrder) { course(key: $c) {"
        " students(filter: $f, orderBy: $o) { nodes { username"
        " indicators { toyTime { seconds } toyPosts { posts } } } } } }",
        user_id=STAFF,
        c=BIG,
        f=FILTER,
        o=ORDER,
    )
    expected = [
        {
            "username": node["username"],
            "toy_time__seconds": node["indicators"]["toyTime"]["seconds"],
            "toy_posts__posts": node["indicators"]["toyPosts"]["posts"],
        }
        for node in answer["data"]["course"]["students"]["nodes"]
    ]
    rows = await rows_of(
        served,
        "roster",
        indicators="toy_time,toy_posts",
        filter=json.dumps(FILTER),
        orderBy=json.dumps(ORDER),
    )
    assert len(expected) == 10
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected


async def test_rows_of_a_part_follow_their_students(served: Served) -> None:
    rows = await rows_of(served, "toy_chapters", level="student", orderBy=json.dumps(ORDER))
    assert [row["user_id"] for row in rows[:3]] == [STUDENTS[-1], STUDENTS[-1], STUDENTS[-2]]
    assert rows[0] == {
        "course_key": BIG,
        "user_id": STUDENTS[-1],
        "username": f"canary-{STUDENTS[-1]}",
        "chapter": "canary-chapter",
        "chapter_display_name": "Chapter canary-chapter",
        "activity": "video",
        "seconds": 30.0,
    }


async def test_groups_are_all_but_the_class(served: Served) -> None:
    rows = await rows_of(served, "toy_time", level="group", part="summary")
    assert [(row["group_id"], row["group_kind"], row["group_name"]) for row in rows] == [
        ("cohort:Blue", "cohort", "Blue"),
        ("cohort:Green", "cohort", "Green"),
    ]
    assert [(row["field"], row["unit"], row["n"]) for row in rows] == [
        ("seconds", "seconds", 12),
        ("seconds", "seconds", 13),
    ]
    rows = await rows_of(served, "toy_chapters", level="group")
    assert {row["group_name"] for row in rows} == {"Blue", "Green"}


CLASS = """query($c: ID!) { course(key: $c) { indicators {
  toyTime { activeLearners meanSeconds n nNull mean sd median p25 p75 sum minimum maximum
            histogram { lower upper count } meta { suppressed } }
  toyBands { rows { band learners others share } }
  toyChapters { rows { chapter { key displayName } activity seconds } }
} } }"""


@pytest.mark.parametrize("user_id", [STAFF, STUDENTS[3]])
async def test_class_is_told_what_graphql_tells(served: Served, user_id: int) -> None:
    answer = await served.ask(CLASS, user_id=user_id, c=BIG)
    told = answer["data"]["course"]["indicators"]
    time = told["toyTime"]
    (values,) = await rows_of(served, "toy_time", user_id=user_id, part="values")
    assert values == {
        "course_key": BIG,
        "active_learners": time["activeLearners"],
        "mean_seconds": time["meanSeconds"],
    }
    (summary,) = await rows_of(served, "toy_time", user_id=user_id)
    names = ("n", "mean", "sd", "median", "p25", "p75", "sum", "minimum", "maximum")
    assert {name: summary[name] for name in names} == {name: time[name] for name in names}
    assert (summary["minimum"] is None) == (user_id != STAFF)
    bins = await rows_of(served, "toy_time", user_id=user_id, part="histogram")
    assert [{name: row[name] for name in ("lower", "upper", "count")} for row in bins] == time[
        "histogram"
    ]
    bands = await rows_of(served, "toy_bands", user_id=user_id)
    assert [{**row, "band": row["band"].upper()} for row in bands] == [
        {"course_key": BIG, **row} for row in told["toyBands"]["rows"]
    ]
    chapters = await rows_of(served, "toy_chapters", user_id=user_id)
    assert [
        (row["chapter"], row["chapter_display_name"], row["activity"].upper(), row["seconds"])
        for row in chapters
    ] == [
        (row["chapter"]["key"], row["chapter"]["displayName"], row["activity"], row["seconds"])
        for row in told["toyChapters"]["rows"]
    ]
    meta = (await get(served, "toy_time.meta.json", user_id=user_id)).json()
    assert meta["indicators"][0]["suppressed"] is time["meta"]["suppressed"]


async def test_class_of_five_is_told_nothing(served: Served) -> None:
    asked = {"user_id": SMALL_STUDENTS[0], "course": SMALL, "part": "summary"}
    (row,) = await rows_of(served, "toy_time", **asked)
    assert {row[name] for name in row if name not in ("course_key", "field", "unit")} == {None}


async def test_meta_says_why_values_are_missing(served: Served) -> None:
    meta = (await get(served, "roster.meta.json", indicators="all")).json()
    assert meta["rows"] == len(STUDENTS)
    status = {one["indicator"]: one["status"] for one in meta["indicators"]}
    assert (status["toy_time"], status["toy_failed"], status["toy_later"]) == (
        "ready",
        "failed",
        "pending",
    )
    rows = await rows_of(served, "roster", indicators="all")
    assert {row["toy_failed__posts"] for row in rows} == {None}
    meta = (await get(served, "toy_missing.meta.json")).json()
    assert meta["rows"] == 0
    assert meta["indicators"][0]["missing_source"] == ["events"]
    (seconds,) = [one for one in meta["columns"] if one["name"] == "seconds"]
    assert (seconds["type"], seconds["unit"]) == ("float", "seconds")


async def test_all_forms_have_the_same_rows(served: Served) -> None:
    lines = await rows_of(served, "roster", indicators="toy_time")
    parquet = await get(served, "roster.parquet", indicators="toy_time")
    table = pq.read_table(pa.BufferReader(parquet.content))
    text = await get(served, "roster.csv", indicators="toy_time")
    read = list(csv.DictReader(io.StringIO(text.content.decode("utf-8"), newline="")))
    assert list(lines[0]) == table.column_names == list(read[0])
    assert [row["toy_time__seconds"] for row in lines] == table["toy_time__seconds"].to_pylist()
    assert [str(row["toy_time__seconds"]) for row in lines] == [
        row["toy_time__seconds"] for row in read
    ]
    meta = json.loads(table.schema.metadata[b"courselens"])
    assert meta == (await get(served, "roster.meta.json", indicators="toy_time")).json()


async def test_headers_say_what_comes(served: Served) -> None:
    answer = await get(served, "toy_chapters.csv", level="student", filter=json.dumps(FILTER))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="course-v1_Uni_Big_2026-toy_chapters-student.csv"'
    )
    assert int(answer.headers["courselens-rows"]) == len(answer.text.splitlines()) - 1 == 20
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-request-id"]
    about = answer.headers["link"].partition("<")[2].partition(">")[0]
    described = await served.client.get(f"/exports/{BIG}/{about}", headers=served.headers(STAFF))
    assert described.json()["rows"] == 20
    assert str(described.json()["run"]) == answer.headers["courselens-run"]


async def test_head_has_the_headers_alone(served: Served) -> None:
    head = await get(served, "roster.csv", method="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["courselens-rows"] == "25"


async def test_version_is_not_sent_twice_and_differs_by_all_it_depends_on(served: Served) -> None:
    first = await get(served, "roster.csv")
    tag = first.headers["etag"]
    again = await get(served, "roster.csv", tag=tag)
    assert (again.status_code, again.content) == (304, b"")
    tags = [
        tag,
        (await get(served, "roster.jsonl")).headers["etag"],
        (await get(served, "roster.csv", user_id=GLOBAL)).headers["etag"],
        (await get(served, "roster.csv", indicators="toy_time")).headers["etag"],
        (await get(served, "roster.csv", orderBy=json.dumps(ORDER))).headers["etag"],
        (await get(served, "toy_time.csv")).headers["etag"],
        (await get(served, "toy_time.csv", user_id=STUDENTS[0])).headers["etag"],
    ]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("status", "code", "user_id", "file", "parameters"),
    [
        (401, "UNAUTHENTICATED", None, "roster.csv", {}),
        (403, "FORBIDDEN", STUDENTS[0], "roster.csv", {}),
        (403, "FORBIDDEN", STUDENTS[0], "toy_time.csv", {"level": "student"}),
        (403, "FORBIDDEN", STUDENTS[0], "toy_time.csv", {"level": "group"}),
        (403, "FORBIDDEN", STUDENTS[0], "toy_progress.csv", {}),
        (403, "FORBIDDEN", BETA, "toy_time.csv", {}),
        (403, "FORBIDDEN", NOBODY, "roster.meta.json", {}),
        (403, "FORBIDDEN", STAFF, "toy_diary.csv", {"level": "student"}),
        (403, "FORBIDDEN", STAFF, "roster.csv", {"indicators": "toy_time,toy_diary"}),
        (404, "UNKNOWN_INDICATOR", STAFF, "nothing.csv", {}),
        (404, "UNKNOWN_INDICATOR", STAFF, "roster.csv", {"indicators": "nothing"}),
        (409, "INDICATOR_FAILED", STAFF, "toy_failed.csv", {}),
        (400, "BAD_PARAMETER", STAFF, "roster.xls", {}),
        (400, "BAD_PARAMETER", STAFF, "roster", {}),
        (400, "BAD_PARAMETER", STAFF, "roster.csv", {"limit": "5"}),
        (400, "BAD_PARAMETER", STAFF, "roster.csv", {"level": "student"}),
        (400, "BAD_PARAMETER", STAFF, "roster.csv", {"indicators": "all,toy_time"}),
        (400, "BAD_PARAMETER", STAFF, "roster.csv", {"indicators": "toy_chapters"}),
        (400, "BAD_PARAMETER", STAFF, "roster.csv", {"filter": "Blue"}),
        (400, "BAD_PARAMETER", STAFF, "roster.csv", {"filter": "[1]"}),
        (400, "BAD_REQUEST", STAFF, "roster.csv", {"filter": '{"nothing": 1}'}),
        (400, "BAD_REQUEST", STAFF, "roster.csv", {"filter": '{"cohort": ["\\u0000"]}'}),
        (400, "BAD_REQUEST", STAFF, "roster.csv", {"orderBy": '{"direction": "ASC"}'}),
        (400, "BAD_PARAMETER", STAFF, "toy_time.csv", {"level": "everybody"}),
        (400, "BAD_PARAMETER", STAFF, "toy_bands.csv", {"level": "student"}),
        (400, "BAD_PARAMETER", STAFF, "toy_time.csv", {"part": "rows"}),
        (400, "BAD_PARAMETER", STAFF, "toy_time.csv", {"filter": "{}"}),
        (400, "BAD_PARAMETER", STAFF, "toy_time.csv", {"indicators": "all"}),
    ],
)
async def test_refusal_says_what_to_mend(
    served: Served,
    status: int,
    code: str,
    user_id: int | None,
    file: str,
    parameters: dict[str, str],
) -> None:
    answer = await get(served, file, user_id=user_id, **parameters)
    assert (answer.status_code, code_of(answer)) == (status, code), answer.text
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


async def test_parameter_that_comes_twice_is_refused(served: Served) -> None:
    answer = await served.client.get(
        f"/exports/{BIG}/toy_time.csv?level=course&level=group", headers=served.headers(STAFF)
    )
    assert code_of(answer) == "BAD_PARAMETER"


async def test_course_that_is_not_there_looks_like_one_that_may_not_be_seen(
    served: Served,
) -> None:
    told = [
        (await get(served, "roster.csv", course=course)).text.replace(course, "")
        for course in (NOWHERE, SMALL)
    ]
    assert told[0].partition("requestId")[0] == told[1].partition("requestId")[0]
    missing = await get(served, "roster.csv", user_id=GLOBAL, course=NOWHERE)
    assert (missing.status_code, code_of(missing)) == (404, "UNKNOWN_COURSE")


async def test_old_course_key_with_slashes_is_a_course_key(served: Served) -> None:
    answer = await get(served, "roster.csv", user_id=GLOBAL, course="Uni/Old/2013")
    assert (answer.status_code, code_of(answer)) == (404, "UNKNOWN_COURSE")
    assert "Uni/Old/2013" in answer.text


async def test_points_are_taken_for_rows_and_columns(postgres_url: str) -> None:
    ledger = Ledger()
    async with serve(postgres_url, [big_course()], rates=ledger, limits=Limits(cost=15)) as served:
        assert (await get(served, "roster.csv")).status_code == 200
        # 25 students with 11 columns, eight cells a point.
        asker = f"user:{STAFF}"
        assert ledger.taken == [(asker, OPENING_POINTS), (asker, 25 * 11 // 8)]
        ledger.taken.clear()
        assert (await get(served, "roster.csv", method="HEAD")).status_code == 200
        assert (await get(served, "roster.meta.json", indicators="all")).status_code == 200
        assert ledger.taken == [(asker, OPENING_POINTS)] * 2
        dear = await get(served, "roster.csv", indicators="all", orderBy=json.dumps(ORDER))
        assert (dear.status_code, code_of(dear)) == (400, "COST_EXCEEDED")
        assert ledger.taken == [(asker, OPENING_POINTS)] * 3


async def test_viewer_who_asked_for_too_much_waits_and_others_do_not(postgres_url: str) -> None:
    rates = LocalRates(OPENING_POINTS, clock=lambda: 0.0)
    async with serve(postgres_url, [big_course()], rates=rates) as served:
        assert (await get(served, "roster.csv")).status_code == 429
        late = await get(served, "roster.csv")
        assert (late.status_code, code_of(late)) == (429, "RATE_LIMITED")
        assert int(late.headers["retry-after"]) >= 1
        assert (await get(served, "roster.csv", user_id=NOBODY)).status_code == 403


async def test_who_may_not_filter_by_profiles_may_not_here(postgres_url: str) -> None:
    rule = ProfileFilters.DATA_RESEARCHER
    by_year = json.dumps({"profile": "YEAR_OF_BIRTH", "direction": "ASC"})
    async with serve(postgres_url, [big_course()], profile_filters=rule) as served:
        for asked in ({"filter": '{"gender": ["f"]}'}, {"orderBy": by_year}):
            told = await get(served, "roster.csv", **asked)
            assert (told.status_code, code_of(told)) == (403, "FORBIDDEN")
            assert (await get(served, "roster.csv", user_id=GLOBAL, **asked)).status_code == 200
        assert (await get(served, "roster.csv", orderBy=json.dumps(ORDER))).status_code == 200


async def test_busy_process_sends_files_away(postgres_url: str) -> None:
    gate = Gate(1)
    async with serve(postgres_url, [big_course()], gate=gate) as served:
        with gate.entered():
            busy = await get(served, "roster.csv")
        assert (busy.status_code, code_of(busy)) == (503, "OVERLOADED")
        assert busy.headers["retry-after"]
        assert (await get(served, "roster.csv")).status_code == 200


async def test_file_that_takes_too_long_is_an_error(postgres_url: str) -> None:
    async with serve(postgres_url, [big_course()], export_deadline_seconds=0.001) as served:
        late = await get(served, "roster.csv")
        assert (late.status_code, code_of(late)) == (504, "DEADLINE_EXCEEDED")


async def test_files_are_counted_by_form_and_what_became_of_them(postgres_url: str) -> None:
    metrics, gate = Metrics(), Gate(1)
    async with serve(postgres_url, [big_course()], metrics=metrics, gate=gate) as served:
        await get(served, "roster.csv")
        await get(served, "roster.csv", method="HEAD")
        await get(served, "toy_time.parquet", level="student")
        tag = (await get(served, "roster.meta.json")).headers["etag"]
        await get(served, "roster.meta.json", tag=tag)
        await get(served, "roster.jsonl", user_id=BETA)
        await get(served, "roster.jsonl", user_id=None)
        await get(served, "canary-700001.xls")
        with gate.entered():
            await get(served, "roster.csv")
        await served.database.close()
        await get(served, "roster.csv")
    assert metrics.exports == {
        ("csv", "OK"): 2,
        ("parquet", "OK"): 1,
        ("meta.json", "OK"): 2,
        ("jsonl", "FORBIDDEN"): 1,
        ("jsonl", "UNAUTHENTICATED"): 1,
        ("other", "BAD_PARAMETER"): 1,
        ("csv", "OVERLOADED"): 1,
        ("csv", "STORE_UNAVAILABLE"): 1,
    }
    assert +metrics.export_rows == {"csv": 25, "parquet": 25}
    assert sum(metrics.exports_took.bins) == metrics.exports.total()
    assert metrics.outcomes.total() == 0


NASTY = [
    "roster.csv?filter=%00",
    "roster.csv?filter=%ff%fe",
    "roster.csv?filter=%ED%A0%80",
    "roster.csv?indicators=%00",
    "roster.csv?filter=" + "%5B" * 3_000,
    "roster.csv?filter=" + '{"cohort":' * 200 + "1" + "}" * 200,
    'roster.csv?filter={"yearOfBirth":{"gte":1e999}}',
    'roster.csv?filter={"yearOfBirth":{"gte":' + "9" * 5_000 + "}}",
    'roster.csv?filter={"values":{"toyTime":{"gte":"x"}}}',
    'roster.csv?filter={"cohort":' + str(["x"] * 300).replace("'", '"') + "}",
    "roster.csv?level[]=course",
    "roster.csv.gz",
    ".csv",
    "..%2f..%2fetc%2fpasswd",
    "%00.csv",
    "toy_time.csv?part=%27%3B%20DROP%20TABLE%20students%3B--",
    "toy_time'; DROP TABLE students;--.csv",
    "roster.csv?orderBy=" + json.dumps({"indicator": "TOY_TIME; DROP TABLE students"}),
]


@pytest.mark.parametrize("file", NASTY)
@pytest.mark.parametrize("course", [BIG, "%00", "%ff", "a/b/c", "'; DROP TABLE students;--"])
async def test_nonsense_is_refused_as_such(served: Served, course: str, file: str) -> None:
    answer = await served.client.get(f"/exports/{course}/{file}", headers=served.headers(GLOBAL))
    assert 400 <= answer.status_code < 500, answer.text
    assert len(answer.content) < 2_000
    assert "Traceback" not in answer.text


async def test_students_are_still_there_after_all_that(served: Served) -> None:
    assert len(await rows_of(served, "roster")) == len(STUDENTS)
