"""Grades of a simulated course: what the platform kept, and what its states add up to."""

from __future__ import annotations

import pytest

from courselens.simulator.run import simulate
from indicators.context import Times
from indicators.data import CourseData
from indicators.engine import open_engine
from indicators.plan import make_plan
from indicators.registry import load_registry
from indicators.run import run_plan
from loaders.files.source import open_source

KEYS = ("assignment_type_outcomes", "chapter_graded_progress", "course_grade",
        "subsection_outcomes")  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    out = tmp_path_factory.mktemp("simulated")
    simulate(out, students=60, weeks=4)
    return open_source([out]).load().tables


def compute(tables):
    (course_key,) = tables["courses"].column("course_key").to_pylist()
    registry = load_registry()
    with open_engine() as engine:
        results = run_plan(
            registry,
            make_plan(registry, KEYS),
            CourseData(course_key, tables),
            engine=engine,
            times=Times(now_us=1_800_000_000_000_000),
        )
    assert [result.envelope.error for result in results.results] == [None] * len(KEYS)
    return results


def test_states_add_up_to_the_grades_that_the_platform_kept(tables):
    kept = compute(tables)
    added_up = compute({name: rows for name, rows in tables.items() if name != "subsection_grades"})
    assert kept.roster.students.equals(added_up.roster.students)
    for one, other in zip(kept.results, added_up.results, strict=True):
        assert one.student == other.student
        assert one.group == other.group


def test_every_count_adds_up_to_its_group(tables):
    results = compute(tables)
    members = {row["group_id"]: row["members"] for row in results.roster.groups.to_pylist()}
    counted = 0
    for result in results.results:
        for rows in result.group.values():
            for row in rows.to_pylist():
                if row.get("not_done") is not None:
                    counts = (row[name] for name in ("honours", "pass", "fail", "not_done",
                                                     "n_null"))  # fmt: skip
                    assert sum(counts) == members[row["group_id"]]
                    counted += 1
    assert counted > len(members)
