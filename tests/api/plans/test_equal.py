"""Plans against the stock executor: the same bytes and the same errors, whatever is asked.

`make fuzz` asks many more questions than the suite does; a failure names the question's seed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from inspect import isawaitable
from typing import Any

import msgspec
import pytest
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    execute,
    parse,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values

from aggregates.layout import Layout
from aggregates.reader import Reader
from api.access.policy import Reach, Viewer
from api.context import Context
from api.cursors import write_cursor, write_id
from api.errors import render_errors
from api.live.batch import open_batch
from api.plans.builder import Deopt
from api.plans.plan import Compiler
from api.schema.assembled import Assembled, assemble
from api.types.courses import BY_COURSE_KEY
from indicators.result import CourseResults
from tests.api.plans.questions import Asked, Questions
from tests.data.many_courses import key_of, one_of_many
from tests.data.served_courses import (
    BIG,
    GLOBAL,
    ORG_INSTRUCTOR,
    SMALL,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
    served_registry,
    small_course,
)
from tests.data.stored_course import Person

COUNT = int(os.environ.get("COURSELENS_FUZZ_QUESTIONS", "300"))
SEED = int(os.environ.get("COURSELENS_FUZZ_SEED", "1")) * 1_000_000
VIEWERS = (
    Viewer(STAFF, "staff"),
    Viewer(STUDENTS[0], "canary"),
    Viewer(STAFF, "staff"),
    Viewer(GLOBAL, "global"),
    None,
    Viewer(STUDENTS[0], "canary", Reach(orgs=frozenset({"Many"}))),
    Viewer(ORG_INSTRUCTOR, "instructor"),
)
ORDERS = (
    "{profile: USERNAME, direction: DESC}",
    "{profile: USER_ID}",
    "{indicator: TOY_TIME, direction: DESC}",
)
PLACE = write_cursor(BY_COURSE_KEY, key_of(1))
ARGUMENTS = {
    ("Query", "course"): lambda dice: dice.choice(
        ["(key: $course)"] * 4 + [f'(key: "{SMALL}")', '(key: "course-v1:no+no+no")']
    ),
    ("Query", "node"): lambda dice: '(id: "none")' if dice.random() < 0.3 else "(id: $id)",
    ("Query", "courses"): lambda dice: f"(first: {dice.choice([0, 1, 5, 101])})",
    ("Viewer", "courses"): lambda dice: f"(first: {dice.choice([0, 1, 5])})",
    ("Viewer", "student"): lambda dice: "(course: $course)",
    ("Viewer", "students"): lambda dice: dice.choice(
        ["", "", "(first: 1)", "(first: 2)", "(first: 0)", "(first: 101)", f'(after: "{PLACE}")']
    ),
    ("Course", "cohort"): lambda dice: dice.choice(['(name: "Blue")', '(name: "None")']),
    ("Course", "group"): lambda dice: dice.choice(
        ['(filter: {cohort: ["Blue"]})', '(filter: {gender: ["f"]})', "(filter: {})"]
    ),
    ("Course", "compare"): lambda dice: dice.choice(
        [
            '(groups: [{label: "class"}, {label: "b", filter: {cohort: ["Blue"]}}])',
            '(groups: [{label: "f", filter: {gender: ["f"]}}])',
            "(groups: [])",
        ]
    ),
    ("Course", "students"): lambda dice: dice.choice(
        [
            *("(first: 3)", "", "(first: $first)", "(first: 0)", "(first: -1)", "(first: 101)"),
            *(f"(first: 2, orderBy: {order})" for order in ORDERS),
            '(first: 2, after: "none")',
            '(first: 2, filter: {cohort: ["Blue"]})',
        ]
    ),
    ("Course", "student"): lambda dice: dice.choice(
        [
            *(f"(userId: {user_id})" for user_id in (*STUDENTS[:4], 5)),
            *('(username: "canary-700001")', "", "(userId: $first)"),
        ]
    ),
}
VARIABLES = {
    "course": ("ID!", BIG),
    "id": ("ID!", write_id("Course", BIG)),
    "first": ("Int!", 4),
}
FAULTS = (
    "UPDATE {values} SET toy_time__seconds = 'NaN' WHERE user_id = {first}",
    "UPDATE {values} SET toy_time__seconds = '-Infinity' WHERE user_id = {second}",
    "UPDATE {values} SET toy_posts__posts = 99999999999 WHERE user_id = {first}",
    "UPDATE students SET grade_band = 'strange' WHERE user_id = {second}",
    "UPDATE summaries SET mean = 'NaN' WHERE field = 'seconds'",
)


@pytest.fixture(scope="module")
async def asking(postgres_url: str) -> AsyncIterator[Asking]:
    async with serve(postgres_url, [big_course(), small_course(), *courses_of_one()]) as served:
        yield Asking(served)


def courses_of_one() -> list[CourseResults]:
    """Courses in which the viewers are students too, in one no longer, and one that has failed."""
    viewers = [
        Person(user_id, username=f"v-{user_id}") for user_id in (STAFF, STUDENTS[0], ORG_INSTRUCTOR)
    ]
    left = [replace(viewer, in_l=False) for viewer in viewers]
    return [
        one_of_many(1, others=viewers),
        one_of_many(2, others=left),
        one_of_many(3, others=viewers, failed=True),
        one_of_many(4, others=left, org="Uni"),
        one_of_many(5, others=viewers, org="Uni"),
    ]


async def test_random_questions_have_the_same_answers(asking: Asking) -> None:
    found = await asking.compare(SEED, COUNT)
    assert found["plan"] > COUNT // 5, found
    assert found["deopt error"] > COUNT // 20, found


async def test_values_that_cannot_be_have_the_same_errors(asking: Asking) -> None:
    table = Layout(served_registry()).wide["courselens"].name
    for fault in FAULTS:
        await asking.served.database.execute(
            fault.format(values=table, first=STUDENTS[0], second=STUDENTS[1]), deadline_seconds=5
        )
    found = await asking.compare(SEED + COUNT, COUNT // 2)
    assert found["deopt number"] + found["deopt integer"] + found["deopt value"] > 0, found


class Asking:
    """Asks both ways."""

    def __init__(self, served: Served) -> None:
        registry = served_registry()
        self.served = served
        self.assembled: Assembled = assemble(registry)
        self.reader = Reader(served.database, Layout(registry))
        schema, catalog = self.assembled.schema, self.assembled.catalog
        self.compiler = Compiler(schema, catalog, self.assembled.records)
        self.questions = Questions(schema, ARGUMENTS, VARIABLES)

    async def compare(self, first_seed: int, count: int) -> Counter[str]:
        """How questions were answered; fails at the first that is answered differently."""
        found: Counter[str] = Counter()
        for seed in range(first_seed, first_seed + count):
            asked = self.questions.ask(seed)
            document = parse(asked.text)
            if validate(self.assembled.schema, document):
                found["invalid"] += 1
                continue
            viewer = VIEWERS[seed % len(VIEWERS)]
            stock = await self._stock(document, asked, viewer)
            # In a request about several courses all are read so, single ones too.
            reader = self.reader.together() if seed % 2 else self.reader
            how, planned = await self._planned(document, asked, viewer, reader)
            found[how] += 1
            assert planned == stock, f"seed {seed}, {viewer}: {asked}"
        assert found["invalid"] < count // 10, found
        return found

    async def _stock(
        self, document: DocumentNode, asked: Asked, viewer: Viewer | None
    ) -> tuple[bytes, list[Any]]:
        async with open_batch(None, deadline_seconds=2) as live:
            return await self._execute(document, asked, self._context(viewer, live, self.reader))

    async def _planned(
        self, document: DocumentNode, asked: Asked, viewer: Viewer | None, reader: Reader
    ) -> tuple[str, tuple[bytes, list[Any]]]:
        operation = next(
            node for node in document.definitions if isinstance(node, OperationDefinitionNode)
        )
        variables = get_variable_values(
            self.assembled.schema, operation.variable_definitions or (), asked.variables
        )
        assert isinstance(variables, VariableValues)
        conditions = {
            name: variables.coerced[name] for name in ("yes", "no") if name in variables.coerced
        }
        async with open_batch(None, deadline_seconds=2) as live:
            context = self._context(viewer, live, reader)
            try:
                plan = self.compiler.compile(document, operation, conditions)
                data = await plan.run(context, variables)
            except Deopt as deopt:
                how = f"deopt {deopt.reason}"
                return how, await self._execute(document, asked, context)
            return "plan", (msgspec.json.encode(data), [])

    async def _execute(
        self, document: DocumentNode, asked: Asked, context: Context
    ) -> tuple[bytes, list[Any]]:
        result = execute(
            self.assembled.schema,
            document,
            context_value=context,
            variable_values=asked.variables,
        )
        if isawaitable(result):
            result = await result
        # Siblings run at once, so the order of their errors is a matter of time.
        errors = [render_errors([error], "id")[0] for error in result.errors or ()]
        return msgspec.json.encode(result.data), sorted(errors, key=repr)

    def _context(self, viewer: Viewer | None, live: Any, reader: Reader) -> Context:
        return Context(viewer, reader, self.reader, self.assembled.catalog, live)


def test_fragments_of_a_question_are_all_used() -> None:
    schema = assemble(served_registry()).schema
    asked = Questions(schema, ARGUMENTS, VARIABLES).ask(7)
    names = [
        node.name.value
        for node in parse(asked.text).definitions
        if isinstance(node, FragmentDefinitionNode)
    ]
    assert all(f"...{name}" in asked.text for name in names)
