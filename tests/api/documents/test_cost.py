"""Prices, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, validate

from api.documents import cost
from api.documents.cost import Pricing
from api.documents.limits import Limits
from api.schema.assembled import assemble
from tests.data.live_plugin import plugin_registry
from tests.data.served_courses import BIG, STAFF, STUDENTS, big_course, serve, served_registry

S = cost.STATEMENT


def price(query: str, *, registry: Any = None, is_live: bool = False, **variables: Any) -> int:
    made = assemble(registry or served_registry())
    document = parse(query)
    assert validate(made.schema, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    priced = Pricing(made.schema, made.catalog, is_live=is_live).price(document, operation)
    return priced.of(variables)


COURSE = cost.QUESTION + 2 * S + 1


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ("{ __typename }", cost.QUESTION + 1),
        ('{ course(key: "a") { key title } }', COURSE + 2),
        # A page: the connection, its statement, and ten rows of nodes with one field each.
        ('{ course(key: "a") { students(first: 10) { nodes { userId } } } }',
         COURSE + S + 1 + 1 + 10),
        ('{ course(key: "a") { students { nodes { userId } } } }', COURSE + S + 1 + 1 + 25),
        ('{ course(key: "a") { students(first: 10) { totalCount edges { cursor } } } }',
         COURSE + S + 1 + 1 + cost.COUNT + 1 + 10),
        # Indicators of ten students are read by two statements, not twenty.
        ('{ course(key: "a") { students(first: 10) { nodes { indicators { toyTime { seconds } } }'
         " } } }", COURSE + S + 1 + 1 + 10 + 2 * S + 10 + 10),
        # A part is one statement more, and 15 chapters times two activities.
        ('{ course(key: "a") { students(first: 2) { nodes { indicators { toyChapters { rows'
         " { seconds } } } } } } }", COURSE + S + 1 + 1 + 2 + 2 * S + 2 + S + 2 + 2 * 15 * 2),
        # Two courses' pages are two statements.
        ("{ courses(first: 2) { nodes { students(first: 3) { nodes { userId } } } } }",
         COURSE + 1 + 2 * (S + 1) + 2 + 6),
        # One's own row in two courses: one statement beside the roles, two for indicators of all.
        ("{ viewer { students(first: 2) { nodes { indicators { toyTime { seconds } } } } } }",
         cost.QUESTION + 1 + S + 1 + 1 + 2 + 2 * S + 2 + 2),
        ("{ viewer { students(first: 2) { nodes { course { title } } } } }",
         cost.QUESTION + 1 + S + 1 + 1 + 2 + 2),
        # Courses below them are read one by one.
        ("{ viewer { students(first: 2) { nodes { course { students(first: 3) { nodes { userId } }"
         " } } } } }", cost.QUESTION + 1 + S + 1 + 1 + 2 + 2 * (S + 1) + 2 + 6),
        ('{ course(key: "a") { students(first: 10, orderBy: { indicator: TOY_TIME }) '
         "{ nodes { userId } } } }", COURSE + S + 1 + cost.SORT + 1 + 10),
        ('{ course(key: "a") { group(filter: {}) { size } } }',
         COURSE + S + 1 + cost.AD_HOC + 1),
        # Each group is computed, in one statement.
        ('{ course(key: "a") { compare(groups: [{ label: "a" }, { label: "b" }]) { label size }'
         " } }",
         COURSE + S + 1 + 2 * cost.AD_HOC + 2 * 2),
        ('{ course(key: "a") { compare(groups: { label: "a" }) { size } } }',
         COURSE + S + 1 + cost.AD_HOC + 1),
        # What is merged is counted once, what has another name twice.
        ('{ course(key: "a") { key ...F } } fragment F on Course { key ... { key } other: key }',
         COURSE + 2),
        ('{ course(key: "a") { key @skip(if: true) title @include(if: true) } }', COURSE + 1),
        ("{ __schema { types { name } } }", cost.QUESTION + cost.DESCRIPTION),
    ],
)  # fmt: skip
def test_price(query: str, points: int) -> None:
    assert price(query) == points


def test_price_follows_the_variables() -> None:
    query = (
        'query($n: Int = 4, $all: Boolean!) { course(key: "a") { students(first: $n) {'
        " nodes { userId username @include(if: $all) } } } }"
    )
    base = COURSE + S + 1 + 1
    assert price(query, all=False) == base + 4
    assert price(query, all=True, n=7) == base + 14
    assert price(query, all=False, n=7.0) == base + 7
    assert price(query, all=False, n=-3) == base
    for no_number in ("many", None, [1], 1e999, float("nan")):
        assert price(query, all=False, n=no_number) == base + 4


def test_price_follows_the_number_of_groups() -> None:
    query = (
        'query($g: [GroupInput!]! = [{ label: "a" }]) { course(key: "a") {'
        " compare(groups: $g) { size } } }"
    )
    for groups, count in (([], 0), ([{}] * 3, 3), ({}, 1)):
        assert price(query, g=groups) == COURSE + S + 1 + count * (cost.AD_HOC + 1)
    assert price(query) == COURSE + S + 1 + cost.AD_HOC + 1


def test_live_value_costs_more_where_it_is_read_live() -> None:
    registry = plugin_registry()
    query = '{ course(key: "a") { student(userId: 1) { indicators { acmeSheet { mode } } } } }'
    difference = price(query, registry=registry, is_live=True) - price(query, registry=registry)
    assert difference == cost.LIVE_STATEMENT + cost.LIVE_SUBJECT


def test_live_values_of_several_courses_are_asked_of_each() -> None:
    registry = plugin_registry()
    query = (
        "query($n: Int!) { viewer { students(first: $n) { nodes { indicators { acmeSheet { mode }"
        " } } } } }"
    )
    for courses in (1, 5, 20):
        live = price(query, registry=registry, is_live=True, n=courses)
        stored = price(query, registry=registry, n=courses)
        assert live - stored == courses * (cost.LIVE_STATEMENT + cost.LIVE_SUBJECT)


async def test_question_that_costs_too_much_is_refused_before_anything_is_read(
    postgres_url: str,
) -> None:
    query = (
        "query($c: ID!, $n: Int!) { course(key: $c) { students(first: $n) { nodes { userId } } } }"
    )
    limit = COURSE + S + 2 + 20
    async with serve(postgres_url, [big_course()], limits=Limits(cost=limit)) as served:
        answer = await served.ask(query, user_id=STAFF, c=BIG, n=20)
        assert len(answer["data"]["course"]["students"]["nodes"]) == 20
        assert answer["extensions"] == {"cost": {"requested": limit, "limit": limit}}
        before = served.database.statements
        answer = await served.ask(query, user_id=STAFF, c=BIG, n=21)
        assert served.database.statements == before
        assert answer["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"
        assert answer["extensions"] == {"cost": {"requested": limit + 1, "limit": limit}}
        assert "data" not in answer


FULL = "n mean sd median p25 p75 histogram { lower upper count }"
MEASURED = [
    "{ viewer { userId } }",
    "{ course(key: $c) { title } }",
    "{ courses { nodes { key title } } }",
    "{ viewer { student(course: $c) { indicators { toyTime { seconds standing { percentile } }"
    " } } } }",
    "{ viewer { students { totalCount nodes { course { title } indicators { toyTime { seconds } } }"
    " } } }",
    "{ course(key: $c) { indicators { toyTime { n mean } } } }",
    "{ course(key: $c) { indicators { toyTime { FULL } toyChapters { rows { seconds } } } } }",
    "{ course(key: $c) { cohorts { name size indicators { toyTime { FULL } } } } }",
    "{ course(key: $c) { group(filter: {}) { size indicators { toyTime { FULL } } } } }",
    "{ course(key: $c) { students(first: 5) { nodes { userId } } } }",
    "{ course(key: $c) { students(first: 25) { nodes { userId username mode } } } }",
    "{ course(key: $c) { students(first: 25) { totalCount nodes { indicators { toyTime { seconds }"
    " toyProgress { days ratio pace } toyChapters { rows { seconds chapter { key } } } } } } } }",
]


async def test_prices_follow_what_is_read_and_told(postgres_url: str) -> None:
    """Statements and values are what takes time; `make bench ARGS=prices` measures it."""
    found: list[tuple[int, int]] = []
    async with serve(postgres_url, [big_course()]) as served:
        for query in MEASURED:
            text = query.replace("FULL", FULL)
            if "$c" in text:
                text = f"query($c: ID!) {text}"
            before = served.database.statements
            answer = await served.ask(
                text, user_id=STAFF if "viewer" not in text else STUDENTS[0], c=BIG
            )
            assert "errors" not in answer
            statements = served.database.statements - before
            points = statements * cost.STATEMENT + values_in(answer["data"])
            found.append((answer["extensions"]["cost"]["requested"], points))
    for priced, points in found:
        assert points <= 3 * priced
    for priced, points in found:
        for other_priced, other_points in found:
            if points > 3 * other_points:
                assert priced > other_priced


def values_in(told: Any) -> int:
    """Values and objects of an answer."""
    below = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return 1 + sum(map(values_in, below))
