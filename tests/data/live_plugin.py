"""A plugin with live indicators, beside what is installed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Cost,
    Key,
    Level,
    Parameters,
    Privacy,
    Sources,
    Tables,
    indicator,
    ir,
    literal,
)
from indicators.contract import Indicator
from indicators.registry import Declaration, Registry, load_registry

PRIVACY = (Privacy.SELF, Privacy.STAFF)


@dataclass(frozen=True, slots=True)
class GradeLine:
    part: Annotated[str, Key("Which grade.")]
    ratio: float | None


@dataclass(frozen=True, slots=True)
class GradeSheet:
    mode: str | None
    lines: list[GradeLine]


def declare_sheet() -> Indicator:
    """Values and rows out of two datasets, one of which a built-in reads too."""

    @indicator(
        key="acme_sheet",
        version=1,
        title="Grade sheet",
        unit="ratio",
        family="acme",
        levels=(Level.STUDENT,),
        needs=("population", "course_grades"),
        student=GradeSheet,
        privacy=PRIVACY,
        cost=Cost.LIVE,
    )
    def acme_sheet(t: Tables, p: Parameters) -> dict[str, ir.Table]:
        """The grade as one line of a sheet."""
        grades = t.course_grades.semi_join(t.population, "user_id")
        return {
            "values": t.population.select("user_id", "mode"),
            "lines": grades.select("user_id", part=literal("course"), ratio="percent_grade"),
        }

    @acme_sheet.live_for_students(reads=("course_grades", "enrollments"))
    async def sheet_now(sources: Sources, p: Parameters) -> dict[int, GradeSheet]:
        grades, enrollments = await asyncio.gather(
            sources.students("course_grades"), sources.students("enrollments")
        )
        lines = {
            row["user_id"]: [GradeLine("course", row["percent_grade"])]
            for row in grades.to_pylist()
        }
        return {
            row["user_id"]: GradeSheet(row["mode"], lines.get(row["user_id"], []))
            for row in enrollments.to_pylist()
        }

    return acme_sheet


def declarations() -> list[Declaration]:
    """What is installed."""
    installed = load_registry()
    both = {**installed.intermediates, **installed.indicators}
    return [
        Declaration(name, one.provider, one.provider_version, one) for name, one in both.items()
    ]


def plugin_registry() -> Registry:
    """What is installed, and the plugin."""
    registry = Registry([*declarations(), Declaration("", "acme", "1.0", declare_sheet())])
    assert not registry.errors
    return registry
