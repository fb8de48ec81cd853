"""It reads a file of the university, and draws a chart."""

from __future__ import annotations

import csv
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import (
    Key,
    Level,
    LoadRequest,
    Parameter,
    Parameters,
    Setting,
    Tables,
    Value,
    dataset,
    indicator,
    intermediate,
    ir,
)


class Size(enum.StrEnum):
    """Whether a grant is large."""

    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant."""

    fund: Annotated[str, Key("Who pays.")]
    euros: Annotated[float | None, Value("A year.", unit="euros")]


@dataclass(frozen=True, slots=True)
class Granted:
    """What a student gets."""

    euros: Annotated[float | None, Value("All grants, a year.", unit="euros")]
    size: Annotated[Size | None, Value("Whether that is much.")]
    grants: list[Grant]


@dataset(
    name="acme_grants",
    columns={"course_key": "string", "user_id": "int", "fund": "string", "euros": "float"},
    key=("course_key", "user_id", "fund"),
    settings=(
        Setting("file", "CSV of the student office."),
        Setting("password", "Of its lock.", secret=True, default="none"),
    ),
)
def acme_grants(request: LoadRequest) -> Iterator[Mapping[str, object]]:
    """Grants by student. Source: the student office."""
    with open(request.settings["file"], encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@intermediate(
    name="acme_grants_steps",
    columns={"user_id": "int", "fund": "string", "euros": "float"},
    needs=("acme_grants", "population"),
)
def acme_grants_steps(t: Tables, p: Parameters) -> ir.Table:
    """Grants of those who are enrolled."""
    return t.acme_grants.semi_join(t.population, "user_id")


@indicator(
    key="acme_granted",
    version=1,
    title="Grants",
    unit="euros",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population", "acme_grants_steps"),
    parameters=(Parameter("large_from", float, 1000.0, "Euros from which one is large."),),
    student=Granted,
    chart={
        "data": {"name": "grants"},
        "mark": "bar",
        "encoding": {"x": {"field": "fund"}, "y": {"field": "euros", "type": "quantitative"}},
    },
)
def acme_granted(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """What students get from funds."""
    sums = t.acme_grants_steps.group_by("user_id").agg(euros=lambda x: x.euros.sum())
    size = (sums.euros >= p.large_from).ifelse("large", "small")
    rows = t.population.left_join(sums.mutate(size=size), "user_id")
    return {
        "values": rows.select("user_id", "euros", "size"),
        "grants": t.acme_grants_steps,
    }
