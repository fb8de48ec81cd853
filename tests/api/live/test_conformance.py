"""Live code gives what the table expression gives for the same facts."""

from __future__ import annotations

from typing import Any

from api.schema.assembled import assemble
from api.schema.records import Column, Record, camel
from indicators.contract import Cost
from indicators.registry import Registry
from tests.data.platform import LiveServed, Platform
from tests.data.served_courses import serve

BUILT_IN_LIVE = {"course_grade", "course_module_counts"}


def fields_of(record: Record) -> str:
    """Everything of a value, but how it was made."""
    return " ".join(
        camel(field.name)
        if isinstance(field, Column)
        else f"{camel(field.name)} {{ {fields_of(field.record)} }}"
        for field in record.fields
        if field.name != "meta"
    )


def everything_live(registry: Registry) -> str:
    """A question for every live value of every student of a page, and of the course."""
    catalog = assemble(registry).catalog
    live = list(catalog.values.values())
    students = " ".join(
        f"{camel(value.indicator.key)} {{ {fields_of(value.record)} }}"
        for value in (each.student for each in live)
        if value and value.indicator.live_student
    )
    course = " ".join(
        f"{camel(value.indicator.key)} {{ {fields_of(value.record)} }}"
        for value in (each.group for each in live)
        if value and value.indicator.live_course
    )
    return f"""query($c: ID!, $after: String) {{ course(key: $c) {{
      indicators {{ {course} }}
      students(first: 100, after: $after) {{
        nodes {{ userId indicators {{ {students} }} }} pageInfo {{ endCursor hasNextPage }}
      }}
    }} }}"""


async def pages(ask: Any, query: str) -> list[Any]:
    found, after, more = [], None, True
    while more:
        answer = await ask(query, after=after)
        assert "errors" not in answer, answer["errors"]
        course = answer["data"]["course"]
        info = course["students"].pop("pageInfo")
        after, more = info["endCursor"], info["hasNextPage"]
        found.append(course)
    return found


def test_the_built_in_live_indicators_are_those_of_the_catalogue(registry: Registry) -> None:
    found = {
        key
        for key, one in registry.indicators.items()
        if one.cost is Cost.LIVE and one.provider == "courselens"
    }
    assert found == BUILT_IN_LIVE


async def test_live_values_are_those_that_the_workers_compute(
    live: LiveServed, platform: Platform, stored_url: str, registry: Registry
) -> None:
    query = everything_live(registry)
    made_now = await pages(live.ask, query)
    async with serve(stored_url, [], registry=registry) as stored:

        async def ask(text: str, **variables: Any) -> Any:
            return await stored.ask(
                text, user_id=platform.instructor, c=platform.course_key, **variables
            )

        computed = await pages(ask, query)
    assert len(made_now) == 2
    assert made_now == computed
    values = [node["indicators"] for page in made_now for node in page["students"]["nodes"]]
    ratios = [value["courseGrade"]["ratio"] for value in values]
    assert len({ratio for ratio in ratios if ratio}) > 10
    assert len(made_now[0]["indicators"]["courseModuleCounts"]["rows"]) > 5
    assert live.mysql.statements > 0
