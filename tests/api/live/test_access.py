"""The policy decides before anything is read, and nobody gets what was read for another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.data.platform import LiveServed

ONE = """
query($c: ID!, $user: Int!) { course(key: $c) { student(userId: $user) { userId indicators {
  courseGrade { ratio meta {
    asOf computedAt stateAsOf coverage partial status parameters { name value }
  } }
} } } }
"""
OWN = """
query($c: ID!) { viewer { student(course: $c) { userId indicators { courseGrade { ratio } } } } }
"""
ROSTER = """
query($c: ID!) { course(key: $c) { students(first: 100) {
  nodes { userId indicators { courseGrade { ratio } } }
} } }
"""
COUNTS = """
query($c: ID!) { course(key: $c) { indicators { courseModuleCounts { rows { blocks } } } } }
"""


def codes(answer: object) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]  # type: ignore[index]


async def test_what_may_not_be_seen_is_not_read(live: LiveServed) -> None:
    me, classmate, *_ = live.platform.students
    await live.ask(ONE, user=me)
    before = live.mysql.statements
    assert codes(await live.ask(ONE, user=classmate, user_id=me)) == ["FORBIDDEN"]
    assert codes(await live.ask(ROSTER, user_id=me)) == ["FORBIDDEN"]
    assert codes(await live.ask(COUNTS, user_id=me)) == ["FORBIDDEN"]
    assert codes(await live.served.ask(ONE, c=live.platform.course_key, user=me)) == [
        "UNAUTHENTICATED"
    ]
    assert live.mysql.statements == before
    assert live.commands.finds == []


async def test_viewers_who_ask_at_once_get_their_own(live: LiveServed) -> None:
    roster = await live.ask(ROSTER)
    grades = {
        node["userId"]: node["indicators"]["courseGrade"]["ratio"]
        for node in roster["data"]["course"]["students"]["nodes"]
    }
    assert len(set(grades.values())) > 10
    before = live.mysql.statements
    asking = list(grades)[:30]
    answers = await asyncio.gather(*(live.ask(OWN, user_id=user_id) for user_id in asking))
    for user_id, answer in zip(asking, answers, strict=True):
        assert "errors" not in answer, answer["errors"]
        student = answer["data"]["viewer"]["student"]
        assert student["userId"] == user_id
        assert student["indicators"]["courseGrade"]["ratio"] == grades[user_id]
    assert live.mysql.statements == before + len(asking)  # no request waits for another's


@pytest.mark.parametrize("percent", [0.25, 0.75])
async def test_a_grade_is_the_one_of_this_moment(live: LiveServed, percent: float) -> None:
    user, key = live.platform.students[3], live.platform.course_key
    where = f"WHERE user_id = {user} AND course_id = '{key}'"
    (stored,) = await live.served.database.fetch("SELECT computed_at FROM courses")
    ((old,),) = live.platform.on_mysql(
        f"SELECT percent_grade FROM grades_persistentcoursegrade {where}"
    )
    try:
        live.platform.on_mysql(
            f"UPDATE grades_persistentcoursegrade SET percent_grade = {percent} {where}"
        )
        asked = datetime.now(UTC)
        answer = await live.ask(ONE, user=user)
    finally:
        live.platform.on_mysql(
            f"UPDATE grades_persistentcoursegrade SET percent_grade = {old} {where}"
        )
    grade = answer["data"]["course"]["student"]["indicators"]["courseGrade"]
    assert grade["ratio"] == percent
    meta = grade["meta"]
    for name in ("asOf", "computedAt", "stateAsOf"):
        made = datetime.fromisoformat(meta[name])
        assert abs(made - asked) < timedelta(seconds=5)
        assert made > stored["computed_at"]
    assert (meta["coverage"], meta["partial"], meta["status"]) == (1.0, False, "READY")
    assert {"name": "denominator", "value": "attempted"} in meta["parameters"]


async def test_who_left_has_no_value_as_with_stored_ones(live: LiveServed) -> None:
    roster = live.platform.results.roster.students.to_pylist()
    left = [row["user_id"] for row in roster if row["in_e"] and not row["in_l"]]
    before = live.mysql.statements
    answer = await live.ask(ONE, user=left[0])
    assert answer["data"]["course"]["student"]["indicators"]["courseGrade"]["ratio"] is None
    assert live.mysql.statements == before
