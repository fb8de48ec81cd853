from __future__ import annotations

from typing import Any

import pytest

from tests.data.served_courses import BIG, SMALL, SMALL_STAFF, STAFF, STUDENTS, Served

PAGE = """
query($c: ID!, $first: Int! = 25, $after: String, $filter: StudentFilter, $by: StudentOrder) {
  course(key: $c) {
    students(first: $first, after: $after, filter: $filter, orderBy: $by) {
      totalCount
      nodes { userId }
      edges { cursor }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""


async def page(served: Served, **variables: Any) -> dict[str, Any]:
    answer = await served.ask(PAGE, user_id=STAFF, c=BIG, **variables)
    assert "errors" not in answer, answer["errors"]
    students: dict[str, Any] = answer["data"]["course"]["students"]
    return students


def numbers(students: dict[str, Any]) -> list[int]:
    """Students of a page by their number in the course, from 1 on."""
    return [node["userId"] - STUDENTS[0] + 1 for node in students["nodes"]]


@pytest.mark.parametrize(
    "order",
    [
        {"indicator": "TOY_TIME", "direction": "DESC"},
        {"indicator": "TOY_PROGRESS_RATIO"},
        {"profile": "GENDER"},
        {"profile": "ENROLLED_AT", "direction": "DESC"},
        None,
    ],
)
async def test_pages_join_up_to_the_whole_without_gap_or_double(
    served: Served, order: dict[str, str] | None
) -> None:
    whole = numbers(await page(served, first=100, by=order))
    assert sorted(whole) == list(range(1, 26))
    found: list[int] = []
    after = None
    for start in range(0, 25, 7):
        students = await page(served, first=7, after=after, by=order)
        found += numbers(students)
        info = students["pageInfo"]
        assert info["hasPreviousPage"] is (start > 0)
        assert info["hasNextPage"] is (start + 7 < 25)
        assert info["startCursor"] == students["edges"][0]["cursor"]
        after = info["endCursor"]
    assert found == whole


async def test_missing_values_come_last_in_both_directions(served: Served) -> None:
    # Even numbers have no gender.
    for direction in ("ASC", "DESC"):
        order = {"profile": "GENDER", "direction": direction}
        found = numbers(await page(served, first=100, by=order))
        assert found == [*range(1, 26, 2), *range(2, 26, 2)]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({}, range(1, 26)),
        ({"cohort": ["Blue"]}, range(1, 13)),
        ({"cohort": ["Blue"], "gradeBand": ["FAIL"]}, range(1, 6)),
        ({"gradeBand": ["FAIL", "PASS"]}, range(1, 26)),
        ({"yearOfBirth": {"gte": 1990, "lt": 1993}}, range(20, 23)),
        ({"values": {"toyTime": {"gt": 2300}}}, range(24, 26)),
        ({"values": {"toyTime": {"gte": 500}, "toyProgressDays": {"lte": 7}}}, range(5, 8)),
        ({"gender": ["unknown"], "cohort": ["Blue"]}, range(2, 13, 2)),
        ({"cohort": ["Nobody's"]}, ()),
    ],
)
async def test_filters_hold_together_and_any_value_of_a_list_does(
    served: Served, filter_: dict[str, Any], expected: Any
) -> None:
    students = await page(served, first=100, filter=filter_)
    assert numbers(students) == list(expected)
    assert students["totalCount"] == len(list(expected))
    answer = await served.ask(
        "query($c: ID!, $f: StudentFilter!) { course(key: $c) { group(filter: $f) {"
        " size indicators { toyTime { n } } } } }",
        user_id=STAFF,
        c=BIG,
        f=filter_,
    )
    size = len(list(expected))
    assert answer["data"]["course"]["group"] == {
        "size": size,
        "indicators": {"toyTime": {"n": size}},
    }


COMPARE = (
    "query($c: ID!, $groups: [GroupInput!]!) { course(key: $c) { compare(groups: $groups) {"
    " label size indicators { toyTime { n mean minimum maximum } } } } }"
)


async def test_groups_stand_side_by_side_in_the_order_given(served: Served) -> None:
    groups = [
        {"label": "Green", "filter": {"cohort": ["Green"]}},
        {"label": "class"},
        {"label": "Nobody's", "filter": {"cohort": ["Nobody's"]}},
        {"label": "slow", "filter": {"values": {"toyTime": {"lt": 300}}}},
    ]
    answer = await served.ask(COMPARE, user_id=STAFF, c=BIG, groups=groups)
    assert [
        (one["label"], one["size"], *one["indicators"]["toyTime"].values())
        for one in answer["data"]["course"]["compare"]
    ] == [
        ("Green", 13, 13, 1900.0, 1300.0, 2500.0),
        ("class", 25, 25, 1300.0, 100.0, 2500.0),
        ("Nobody's", 0, 0, None, None, None),
        ("slow", 2, 2, 150.0, 100.0, 200.0),
    ]


async def test_comparison_is_one_statement_however_many_groups(served: Served) -> None:
    async def statements(count: int) -> int:
        before = served.database.statements
        groups = [{"label": str(number)} for number in range(count)]
        answer = await served.ask(COMPARE, user_id=STAFF, c=BIG, groups=groups)
        assert len(answer["data"]["course"]["compare"]) == count
        return served.database.statements - before

    await statements(1)
    assert await statements(10) == await statements(1) == await statements(0) + 1


async def test_comparison_of_too_many_groups_is_refused(served: Served) -> None:
    groups = [{"label": str(number)} for number in range(11)]
    answer = await served.ask(COMPARE, user_id=STAFF, c=BIG, groups=groups)
    assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    answer = await served.ask(COMPARE, user_id=STUDENTS[0], c=BIG, groups=groups[:2])
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_values_of_every_kind_are_filtered_and_sorted_by(served: Served) -> None:
    for filter_, expected in (
        ({"toyProgressPace": ["SLOW"]}, 25),
        ({"toyProgressPace": ["FAST"]}, 0),
        ({"toyProgressPassed": True}, 0),
        ({"toyProgressFirstDay": {"gte": "2026-01-01"}}, 0),
        ({"toyProgressFirstDay": {"gte": "2026-01-01", "missing": True}}, 25),
        ({"toyProgressFirstAt": {"lt": "2026-01-01T00:00:00Z", "missing": True}}, 25),
        ({"toyProgressTags": ["unknown"]}, 25),
        ({"toyProgressPaces": ["FAST"]}, 0),
        ({"toyTime": {"missing": True}}, 0),
    ):
        students = await page(served, first=0, filter={"values": filter_})
        assert students["totalCount"] == expected, filter_
    for order in ("TOY_PROGRESS_PACE", "TOY_PROGRESS_PASSED", "TOY_PROGRESS_FIRST_AT"):
        assert len(numbers(await page(served, first=100, by={"indicator": order}))) == 25


async def test_nothing_is_filtered_or_sorted_by_what_the_team_may_not_see(served: Served) -> None:
    """`toy_diary` is for the student alone: bounds would tell the team each of its values."""
    for variables in (
        {"filter": {"values": {"toyDiary": {"gte": 3}}}},
        {"by": {"indicator": "TOY_DIARY"}},
    ):
        answer = await served.ask(PAGE, user_id=STAFF, c=BIG, **variables)
        assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_group_has_the_same_statistics_as_a_cohort_of_the_same_students(
    served: Served,
) -> None:
    answer = await served.ask(
        "query($c: ID!) { course(key: $c) {"
        ' group(filter: { cohort: ["Blue"] }) { size indicators { toyTime { ...S } } }'
        ' cohort(name: "Blue") { size indicators { toyTime { ...C } } } } }'
        " fragment S on ToyTimeSummary"
        " { n mean median minimum maximum histogram { lower upper count } }"
        " fragment C on ToyTime { n mean median minimum maximum histogram { lower upper count } }",
        user_id=STAFF,
        c=BIG,
    )
    course = answer["data"]["course"]
    assert course["group"] == course["cohort"]
    assert course["group"]["indicators"]["toyTime"]["mean"] == 650.0


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({}, "BAD_REQUEST"),
        ({"indicator": "TOY_TIME", "profile": "MODE"}, "BAD_REQUEST"),
        ({"indicator": "NOTHING"}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_order_names_one_thing(served: Served, order: dict[str, str], code: str) -> None:
    answer = await served.ask(PAGE, user_id=STAFF, c=BIG, by=order)
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_cursor_of_another_order_is_refused(served: Served) -> None:
    students = await page(served, first=2, by={"indicator": "TOY_TIME"})
    cursor = students["pageInfo"]["endCursor"]
    answer = await served.ask(PAGE, user_id=STAFF, c=BIG, after=cursor)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_CURSOR"


@pytest.mark.parametrize("first", [0, 1])
async def test_page_of_none_tells_that_more_follow(served: Served, first: int) -> None:
    students = await page(served, first=first)
    assert len(students["nodes"]) == first
    assert students["pageInfo"]["hasNextPage"] is True


async def test_students_are_counted_only_when_asked_for(served: Served) -> None:
    query = "query($c: ID!) { course(key: $c) { students { nodes { userId } } } }"
    before = served.database.statements
    await served.ask(query, user_id=STAFF, c=BIG)
    without = served.database.statements - before
    before = served.database.statements
    await served.ask(query.replace("nodes", "totalCount nodes"), user_id=STAFF, c=BIG)
    assert served.database.statements - before == without + 1


async def test_one_student_is_found_by_name_too(served: Served) -> None:
    query = "query($c: ID!, $n: String) { course(key: $c) { student(username: $n) { userId } } }"
    answer = await served.ask(query, user_id=STAFF, c=BIG, n=f"canary-{STUDENTS[3]}")
    assert answer["data"]["course"]["student"] == {"userId": STUDENTS[3]}
    answer = await served.ask(query, user_id=STAFF, c=BIG, n="nobody")
    assert answer["data"]["course"]["student"] is None
    assert "errors" not in answer


async def test_student_is_named_by_one_of_id_and_name(served: Served) -> None:
    for arguments in ("userId: null", 'userId: 1, username: "a"'):
        answer = await served.ask(
            f"query($c: ID!) {{ course(key: $c) {{ student({arguments}) {{ userId }} }} }}",
            user_id=STAFF,
            c=BIG,
        )
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_course_without_cohorts_has_none(served: Served) -> None:
    answer = await served.ask(
        'query($c: ID!) { course(key: $c) { cohorts { name } cohort(name: "Blue") { name } } }',
        user_id=SMALL_STAFF,
        c=SMALL,
    )
    assert answer["data"]["course"] == {"cohorts": [], "cohort": None}


async def test_courses_come_page_by_page(served: Served) -> None:
    query = (
        "query($after: String) { courses(first: 1, after: $after) {"
        " nodes { key } pageInfo { hasNextPage endCursor } } }"
    )
    first = (await served.ask(query, user_id=900_003))["data"]["courses"]
    assert (first["nodes"], first["pageInfo"]["hasNextPage"]) == ([{"key": SMALL}], True)
    second = (await served.ask(query, user_id=900_003, after=first["pageInfo"]["endCursor"]))[
        "data"
    ]["courses"]
    assert (second["nodes"], second["pageInfo"]["hasNextPage"]) == ([{"key": BIG}], False)
