"""Questions about a page of courses cost as many statements for twenty courses as for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.data.many_courses import PEOPLE, key_of, one_of_many
from tests.data.served_courses import GLOBAL, Served, serve

COURSES = 20
ME = PEOPLE[4]
NUMBERS = "toyTime { seconds standing { percentile classMedian n } meta { asOf } }"
HOME = f"""
query($n: Int!, $a: String) {{ viewer {{ students(first: $n, after: $a) {{
  nodes {{ course {{ id key title }} cohort indicators {{ {NUMBERS} toyPosts {{ posts }} }} }}
  pageInfo {{ hasNextPage endCursor }}
}} }} }}
"""
HOME_WITH_ROWS = """
query($n: Int!) { viewer { students(first: $n) { totalCount edges { cursor node {
  course { key }
  indicators { toyTime { seconds } toyChapters { rows { chapter { displayName } seconds } } }
} } } } }
"""
LISTS = """
query($n: Int!) { courses(first: $n) { nodes {
  key
  students(first: 3, orderBy: { indicator: TOY_TIME, direction: DESC }) {
    nodes { userId indicators { toyTime { seconds meta { asOf } } } }
    pageInfo { endCursor }
  }
} } }
"""
ONES = """
query($n: Int!, $u: Int!) { courses(first: $n) { nodes {
  key
  student(userId: $u) {
    username course { title } indicators { toyTime { seconds meta { asOf } } }
  }
} } }
"""
EVERYTHING = """
query($n: Int!, $u: Int!) { courses(first: $n) { nodes {
  key
  indicators {
    toyTime { mean activeLearners histogram { count } meta { asOf } }
    toyChapters { rows { chapter { displayName } seconds } }
  }
  cohorts { name size indicators { toyTime { mean } } }
  students(first: 3, filter: { cohort: ["Green"] }) {
    totalCount
    edges { node {
      username
      indicators {
        toyTime { seconds standing { percentile classMedian } }
        toyChapters { rows { chapter { displayName } seconds } }
      }
    } }
  }
  student(userId: $u) { indicators { toyChapters { rows { seconds } } } }
  named: student(username: "many-2") { userId }
} } }
"""


QUESTIONS = {
    "home": (HOME, ME, {}),
    "home with rows": (HOME_WITH_ROWS, ME, {}),
    "lists": (LISTS, GLOBAL, {}),
    "ones": (ONES, GLOBAL, {"u": ME}),
    "everything": (EVERYTHING, GLOBAL, {"u": ME}),
}
STATEMENTS = {"home": 2, "home with rows": 6, "lists": 3, "ones": 3, "everything": 16}
"""The viewer's roles among them. Home: the page. With rows: also the count, values, chapters and
their names. Lists, ones: courses, students."""


@pytest.fixture(scope="module")
async def many(postgres_url: str) -> AsyncIterator[Served]:
    courses = [one_of_many(number) for number in range(1, COURSES + 1)]
    async with serve(postgres_url, courses) as served:
        yield served


async def counted(many: Served, query: str, user_id: int, **variables: Any) -> tuple[int, Any]:
    before = many.database.statements
    answer = await many.ask(query, user_id=user_id, **variables)
    assert "errors" not in answer, answer["errors"]
    return many.database.statements - before, answer["data"]


async def for_pages(many: Served, name: str, *, is_new: bool) -> dict[int, int]:
    """Statements by courses of the page; the stock executor answers what is new."""
    query, user_id, variables = QUESTIONS[name]
    for size in (0, 20, 20):  # what a run says is known afterwards
        await counted(many, query, user_id, n=size, **variables)
    found = {}
    for size in (1, 5, 20):
        text = f"{query}# {size}" if is_new else query
        found[size], data = await counted(many, text, user_id, n=size, **variables)
        page = data["viewer"]["students"] if "viewer" in data else data["courses"]
        assert len(page.get("nodes") or page["edges"]) == size
    return found


@pytest.mark.parametrize("is_new", [False, True], ids=["plan", "stock"])
@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_page_costs_no_more_statements_than_one_course(
    many: Served, name: str, is_new: bool
) -> None:
    found = await for_pages(many, name, is_new=is_new)
    # Of fields that ask the same of a course, some are together by chance.
    assert max(found.values()) == found[1], found
    if not is_new:
        assert found[20] <= STATEMENTS[name], found


async def test_what_a_run_says_is_read_together_the_first_time(postgres_url: str) -> None:
    async with serve(postgres_url, []) as fresh:
        cold, _ = await counted(fresh, HOME, ME, n=COURSES)
        warm, _ = await counted(fresh, f"{HOME}# again", ME, n=COURSES)
    # envelopes, and what the class was told
    assert cold == warm + 2


async def test_each_course_has_its_own_numbers(many: Served) -> None:
    for _ in range(3):
        _, data = await counted(many, HOME, ME, n=COURSES)
        nodes = data["viewer"]["students"]["nodes"]
        assert [node["course"]["key"] for node in nodes] == [
            key_of(number) for number in range(1, COURSES + 1)
        ]
        numbers = [node["indicators"] for node in nodes]
        assert [one["toyTime"]["seconds"] for one in numbers] == [
            500.0 + number for number in range(1, COURSES + 1)
        ]
        assert [one["toyPosts"]["posts"] for one in numbers] == list(range(1, COURSES + 1))
        _, data = await counted(many, LISTS, GLOBAL, n=COURSES)
        for number, course in enumerate(data["courses"]["nodes"], start=1):
            found = [
                node["indicators"]["toyTime"]["seconds"] for node in course["students"]["nodes"]
            ]
            assert found == [2500.0 + number, 2400.0 + number, 2300.0 + number]
