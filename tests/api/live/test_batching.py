"""One statement per dataset and request, whatever is asked for, and nothing twice."""

from __future__ import annotations

import pytest

from tests.data.platform import LiveServed

ROSTER = """
query($c: ID!, $first: Int!) {
  course(key: $c) { students(first: $first) {
    nodes { userId indicators { courseGrade { ratio letterGrade passed meta { asOf } } } }
  } }
}
"""

EVERYWHERE = """
query($c: ID!, $user: Int!, $id: ID!) {
  course(key: $c) {
    first: students(first: 20) {
      nodes { indicators { courseGrade { ratio } } }
      edges { node { again: indicators { courseGrade { passed } } } }
    }
    last: students(first: 30, orderBy: {indicator: COURSE_GRADE, direction: DESC}) {
      nodes { indicators { courseGrade { ratio } acmeSheet { mode lines { ratio } } } }
    }
    one: student(userId: $user) { indicators { acmeSheet { mode lines { part ratio } } } }
    indicators { courseGrade { mean } }
  }
  other: course(key: $c) { students(first: 5) { nodes { indicators { courseGrade { ratio } } } } }
  node(id: $id) { ... on Student { indicators { courseGrade { ratio } } } }
}
"""


async def warm_up(live: LiveServed) -> None:
    """Let the source find out what the installation has, which it does once."""
    answer = await live.ask(ROSTER, first=1)
    assert "errors" not in answer, answer["errors"]


@pytest.mark.parametrize("count", [1, 10, 100])
async def test_students_cost_one_statement_however_many_they_are(
    live: LiveServed, count: int
) -> None:
    await warm_up(live)
    before = live.mysql.statements
    answer = await live.ask(ROSTER, first=count)
    assert "errors" not in answer
    nodes = answer["data"]["course"]["students"]["nodes"]
    assert len(nodes) == count
    assert live.mysql.statements == before + 1


async def test_aliases_pages_and_indicators_share_their_statements(live: LiveServed) -> None:
    await warm_up(live)
    user = live.platform.students[50]
    answer = await live.ask(
        "query($c: ID!, $user: Int!) { course(key: $c) { student(userId: $user) { id } } }",
        user=user,
    )
    node_id = answer["data"]["course"]["student"]["id"]
    before = live.mysql.statements
    answer = await live.ask(EVERYWHERE, user=user, id=node_id)
    assert "errors" not in answer, answer["errors"]
    assert answer["data"]["course"]["one"]["indicators"]["acmeSheet"]["mode"]
    assert live.mysql.statements == before + 2  # course_grades and enrollments


async def test_what_needs_nothing_live_asks_nothing(live: LiveServed) -> None:
    await warm_up(live)
    before = live.mysql.statements
    answer = await live.ask(
        """query($c: ID!) { course(key: $c) {
          indicators { courseGrade { mean n meta { computedAt } } }
          students(first: 5) { nodes { username indicators {
            courseGrade { standing { percentile } } timeOnCourse { seconds }
          } } }
        } }"""
    )
    assert "errors" not in answer, answer["errors"]
    assert live.mysql.statements == before


async def test_a_structure_is_read_once_and_its_version_every_time(live: LiveServed) -> None:
    query = """query($c: ID!) { course(key: $c) {
      a: indicators { courseModuleCounts { rows { blockType blocks } } }
      b: indicators { courseModuleCounts { rows { blocks } } }
    } }"""
    first = await live.ask(query)
    assert "errors" not in first, first["errors"]
    assert live.commands.finds == [
        "modulestore.active_versions",
        "modulestore.structures",
        "modulestore.definitions",
    ]
    assert await live.ask(query) == first
    assert live.commands.finds[3:] == ["modulestore.active_versions"]
