"""A student's place in the class, in files as GraphQL tells it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.data.served_courses import (
    BIG,
    SMALL,
    SMALL_STAFF,
    SMALL_STUDENTS,
    STAFF,
    STUDENTS,
    Served,
)

NAMES = {
    "percentile": "percentile",
    "class_mean": "classMean",
    "class_median": "classMedian",
    "class_p25": "classP25",
    "class_p75": "classP75",
    "n": "n",
}
OF_ME = """query($c: ID!) { viewer { student(course: $c) { indicators {
  toyTime { standing { percentile classMean classMedian classP25 classP75 n } } } } } }"""
OF_ALL = """query($c: ID!) { course(key: $c) { students(first: 100) { nodes { userId indicators {
  toyTime { standing { percentile classMean classMedian classP25 classP75 n } }
  toyProgress {
    daysStanding { percentile classMean classMedian classP25 classP75 n }
    ratioStanding { percentile classMean classMedian classP25 classP75 n }
  } } } } } }"""


async def get(
    served: Served, table: str, user_id: int, course: str = BIG, **parameters: str
) -> httpx.Response:
    return await served.client.get(
        f"/exports/{course}/{table}.jsonl",
        params={"level": "student", "part": "standing", **parameters},
        headers=served.headers(user_id),
    )


async def rows_of(served: Served, *asked: Any, **parameters: str) -> list[dict[str, Any]]:
    answer = await get(served, *asked, **parameters)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def told(row: dict[str, Any]) -> dict[str, Any]:
    return {graphql: row[name] for name, graphql in NAMES.items()}


async def test_team_gets_the_exact_places_of_graphql(served: Served) -> None:
    answer = await served.ask(OF_ALL, user_id=STAFF, c=BIG)
    nodes = answer["data"]["course"]["students"]["nodes"]
    rows = await rows_of(served, "toy_time", STAFF)
    assert {row["user_id"]: told(row) for row in rows} == {
        node["userId"]: node["indicators"]["toyTime"]["standing"] for node in nodes
    }
    assert [row["percentile"] for row in rows[:3]] == [2.0, 6.0, 10.0]
    assert {(row["field"], row["unit"]) for row in rows} == {("seconds", "seconds")}
    rows = await rows_of(served, "toy_progress", STAFF)
    assert [row["field"] for row in rows] == ["days", "ratio"] * len(STUDENTS)
    for field, graphql in (("days", "daysStanding"), ("ratio", "ratioStanding")):
        assert [told(row) for row in rows if row["field"] == field] == [
            node["indicators"]["toyProgress"][graphql] for node in nodes
        ]


async def test_filter_and_order_choose_whose_places(served: Served) -> None:
    chosen = {
        "filter": json.dumps({"cohort": ["Blue"]}),
        "orderBy": json.dumps({"indicator": "TOY_TIME", "direction": "DESC"}),
    }
    rows = await rows_of(served, "toy_progress", STAFF, **chosen)
    assert [row["user_id"] for row in rows[::2]] == list(reversed(STUDENTS[:12]))


@pytest.mark.parametrize("number", range(len(STUDENTS)))
async def test_student_gets_the_own_place_in_steps_as_graphql_tells_it(
    served: Served, number: int
) -> None:
    me = STUDENTS[number]
    answer = await served.ask(OF_ME, user_id=me, c=BIG)
    (row,) = await rows_of(served, "toy_time", me, own="true")
    assert row["user_id"] == me
    expected = answer["data"]["viewer"]["student"]["indicators"]["toyTime"]["standing"]
    assert told(row) == expected
    assert row["percentile"] % 5 == 0


async def test_own_place_is_made_of_what_the_class_was_told(served: Served) -> None:
    answer = await served.client.get(
        f"/exports/{BIG}/toy_time.meta.json",
        params={"level": "student", "part": "standing", "own": "true"},
        headers=served.headers(STUDENTS[0]),
    )
    (indicator,) = answer.json()["indicators"]
    assert indicator["suppressed"] is True
    (percentile,) = [one for one in answer.json()["columns"] if one["name"] == "percentile"]
    assert percentile["unit"] == "percent"


async def test_class_of_five_has_no_places_but_for_its_team(served: Served) -> None:
    (row,) = await rows_of(served, "toy_time", SMALL_STUDENTS[0], SMALL, own="true")
    assert set(told(row).values()) == {None}
    rows = await rows_of(served, "toy_time", SMALL_STAFF, SMALL)
    assert {row["n"] for row in rows} == {5}


@pytest.mark.parametrize(
    ("status", "user_id", "table", "parameters"),
    [
        (403, STUDENTS[0], "toy_time", {}),  # of all
        (403, STUDENTS[0], "toy_posts", {"own": "true"}),  # nothing of it is told of the class
        (403, STUDENTS[0], "toy_diary", {"own": "true"}),
        (403, STAFF, "toy_diary", {}),
        (400, STAFF, "toy_chapters", {}),  # has no number to compare
        (400, STAFF, "toy_time", {"level": "course"}),
    ],
)
async def test_place_is_refused_where_the_class_is(
    served: Served, status: int, user_id: int, table: str, parameters: dict[str, str]
) -> None:
    answer = await get(served, table, user_id, **parameters)
    assert answer.status_code == status, answer.text
