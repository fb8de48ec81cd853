"""Reads the students and groups that a run's results are about."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from ibis import null as null_value
from ibis.expr import types as ir

from courselens.domain import Level
from indicators.engine import Engine
from indicators.plan import GRADE_BANDS, PEOPLE, Plan
from indicators.result import COURSE_GROUP, Roster
from indicators.rollup import members_by_group

Members = Mapping[str, npt.NDArray[np.int64]]
"""User ids by group id, sorted."""


def read_roster(plan: Plan, tables: Mapping[str, ir.Table], engine: Engine) -> Roster:
    """Everybody of a course, its groups and who is in them.

    Args:
        plan: whether it asks for groups, and for a full roster.
        tables: intermediates by name, built.
        engine: where to compute.
    """
    people = tables[PEOPLE]
    if plan.full_roster and GRADE_BANDS in tables:
        bands = tables[GRADE_BANDS].select("user_id", "grade_band")
        people = people.left_join(bands, "user_id").drop("user_id_right")
    else:
        people = people.mutate(grade_band=null_value("string"))
    students = engine.fetch(people.order_by("user_id"))
    if Level.GROUP not in plan.levels:
        return _course_roster(students)
    memberships = tables["memberships"].order_by("group_id", "user_id")
    groups = engine.fetch(tables["groups"].order_by("group_id"))
    if not groups.num_rows:  # nobody can say who is enrolled, but there is a course
        groups = pa.concat_tables([groups, _course_roster(students).groups.cast(groups.schema)])
    return Roster(students=students, groups=groups, memberships=engine.fetch(memberships))


def read_ever_members(
    plan: Plan, tables: Mapping[str, ir.Table], engine: Engine, roster: Roster
) -> Members:
    """Members of E by group."""
    if Level.GROUP not in plan.levels:
        return members_by_group(_memberships(roster.students, "in_e"))
    return members_by_group(engine.fetch(tables["ever_memberships"]))


def _course_roster(students: pa.Table) -> Roster:
    """The roster of a run that asks for no other group than the course."""
    memberships = _memberships(students, "in_l")
    counts = {
        "members": memberships.num_rows,
        "ever_members": pc.sum(students["in_e"]).as_py() or 0,
    }
    groups = pa.Table.from_pylist([{"group_id": COURSE_GROUP, **counts}])
    return Roster(students=students, groups=groups, memberships=memberships)


def _memberships(students: pa.Table, condition: str) -> pa.Table:
    users = students.filter(students[condition])["user_id"]
    course = pa.array([COURSE_GROUP] * len(users), pa.string())
    return pa.table({"group_id": course, "user_id": users})
