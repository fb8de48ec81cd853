"""Classes by profile, and what somebody can work out who knows tables of them exactly."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import linprog

from aggregates.releases import K_MIN
from courselens.testing import CourseBuilder, run_course
from indicators.enrollment.demographic_distribution import demographic_distribution
from indicators.intermediates.groups import ever_memberships, groups, memberships
from indicators.intermediates.population import ever_enrolled, people, population
from indicators.profiles import AGE_BANDS, age_band, ages_of
from indicators.registry import Declaration, Registry
from indicators.result import CourseResults
from tests.api.attack.classes import FIRST, KEY, TEAM

YEAR = 2026
UNKNOWN = ""
LEVELS = {"hs": "high_school_or_less", "b": "college", "m": "advanced", "other": "other", "": ""}
NOWHERE = "nowhere"
"""A country that nobody has: an attacker must reckon with some."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one student's profile says; empty: nothing."""

    gender: str
    year: int | None
    level: str
    country: str

    @property
    def values(self) -> Mapping[str, str]:
        """By dimension, as the indicator has them."""
        return {
            "year_of_birth": str(self.year) if self.year else UNKNOWN,
            "age": (age_band(YEAR - self.year) if self.year else None) or UNKNOWN,
            "gender": self.gender,
            "education": LEVELS[self.level],
            "country": self.country,
        }


def make_profile(chance: random.Random, *, blank: float = 0.15) -> Profile:
    """A profile as chance wants; `blank` is the share of those who told nothing at all."""
    if chance.random() < blank:
        return Profile("", None, "", chance.choice(("", "AT")))
    age = min(90, 17 + int(chance.expovariate(1 / 12)))
    countries = ("AT", "ES", "CL", "KE", "NP", "US", "PE", "FR", "DE", "IN", "MX", "BR", "")
    return Profile(
        gender=chance.choices(("f", "m", "o", ""), (45, 45, 2, 8))[0],
        year=YEAR - age if chance.random() < 0.9 else None,
        level=chance.choices(tuple(LEVELS), (30, 35, 20, 3, 12))[0],
        country=chance.choices(countries, [2.0 ** -(n / 1.5) for n in range(13)])[0],
    )


def make_class(size: int, seed: int) -> dict[int, Profile]:
    """Profiles by user id; classes of odd seeds have told nearly everything."""
    chance = random.Random(seed)
    blank = 0.02 if seed % 2 else 0.15
    return {FIRST + number: make_profile(chance, blank=blank) for number in range(size)}


@cache
def profile_registry() -> Registry:
    """The indicator as it ships, alone."""
    declared = (people, population, ever_enrolled, ever_memberships, memberships, groups)
    entries = [Declaration(one.name, "courselens", "1.0", one) for one in declared]
    key = demographic_distribution.key
    registry = Registry([*entries, Declaration(key, "courselens", "1.0", demographic_distribution)])
    assert not registry.errors, registry.errors
    return registry


def results_of(profiles: Mapping[int, Profile], *, day: int = 1) -> CourseResults:
    """What a refresh computes of a class in March of `YEAR`."""
    course = CourseBuilder(KEY).course(org="Uni")
    for user_id, one in profiles.items():
        course.student(
            user_id, gender=one.gender, year_of_birth=one.year, country=one.country,
            level_of_education=one.level, cohort="Blue" if user_id % 2 else None,
        )  # fmt: skip
    course.add("course_roles", user_id=TEAM, role="staff", org="Uni")
    return run_course(
        demographic_distribution.key,
        course,
        as_of=f"{YEAR}-03-{day:02}",
        registry=profile_registry(),
    )


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A number of the tables: people of a value, or of a value and gender."""

    dimension: str
    value: str
    gender: str | None = None


def count(profiles: Collection[Profile], cell: Cell) -> int:
    """How many people are in a cell."""
    return sum(
        one.values[cell.dimension] == cell.value and cell.gender in (None, one.gender)
        for one in profiles
    )


def all_cells(profiles: Collection[Profile]) -> list[Cell]:
    """Every number that the tables could have of a class, also those of nobody."""
    found = {Cell(name, value) for one in profiles for name, value in one.values.items()}
    found |= {Cell("year_of_birth", year) for year in (*_years_of_nobody(profiles), UNKNOWN)}
    found |= {Cell("age", band) for band in (*AGE_BANDS, UNKNOWN)}
    found |= {Cell("education", band) for band in LEVELS.values()}
    found |= {Cell("gender", gender) for gender in ("f", "m", "o", UNKNOWN)}
    found |= {Cell("country", NOWHERE), Cell("country", UNKNOWN)}
    genders = [cell.value for cell in found if cell.dimension == "gender"]
    found |= {
        Cell(cell.dimension, cell.value, gender)
        for cell in found
        for gender in genders
        if cell.dimension in ("age", "education", "country") and cell.value and gender
    }
    return sorted(found, key=lambda cell: (cell.dimension, cell.value, cell.gender or ""))


def _years_of_nobody(profiles: Collection[Profile]) -> list[str]:
    """A year of birth of each band that nobody has, where there is one."""
    years = {one.year for one in profiles}
    free = ([YEAR - age for age in ages_of(band) if YEAR - age not in years] for band in AGE_BANDS)
    return [str(band[0]) for band in free if band]


def bounds(
    profiles: Collection[Profile], told: Collection[Cell]
) -> Iterator[tuple[Cell, int, int]]:
    """The least and the most people that every other cell can have, by linear programming.

    The attacker knows the cells that are told exactly, not in fives, and the size of the class.
    People are unknowns by gender and year of birth, by gender and education, and by gender and
    country: the rest of what each has in common says nothing about any cell. The bounds are whole
    numbers, as those of flows are.
    """
    cells = all_cells(profiles)
    genders = [cell.value for cell in cells if cell.dimension == "gender"]
    unknowns = [
        (cell.dimension, cell.value, gender)
        for cell in cells
        if cell.dimension in ("year_of_birth", "education", "country") and cell.gender is None
        for gender in genders
    ]

    def row(dimension: str, gender: str | None = None, value: str | None = None) -> list[float]:
        """Ones at the unknowns that make up a cell."""
        by = "year_of_birth" if dimension in ("age", "gender") else dimension
        return [
            float(
                name == by
                and gender in (None, of)
                and value in (None, _band(year) if dimension == "age" else year)
            )
            for name, year, of in unknowns
        ]

    def of_cell(cell: Cell) -> list[float]:
        if cell.dimension == "gender":
            return row("gender", gender=cell.value)
        return row(cell.dimension, cell.gender, cell.value)

    known = [row("gender")] + [of_cell(cell) for cell in told]
    values = [len(profiles)] + [count(profiles, cell) for cell in told]
    for gender in genders:
        for other in ("education", "country"):
            known.append(list(np.subtract(row("gender", gender), row(other, gender))))
            values.append(0)
    for cell in cells:
        if cell not in told:
            ends = []
            for sign in (1.0, -1.0):
                solved = linprog(
                    sign * np.array(of_cell(cell)),
                    A_eq=np.array(known),
                    b_eq=np.array(values, dtype=float),
                    method="highs",
                )
                assert solved.success, (cell, solved.message)
                ends.append(round(sign * solved.fun))
            yield cell, ends[0], ends[1]


def _band(year: str) -> str:
    return (age_band(YEAR - int(year)) if year else None) or UNKNOWN


def leaks(profiles: Collection[Profile], told: Collection[Cell]) -> list[tuple[Cell, int, int]]:
    """Cells that are not told and yet known, or known to be of fewer than ten people."""
    return [
        (cell, low, high)
        for cell, low, high in bounds(profiles, told)
        if low == high or high < K_MIN
    ]


def told_cells_of(parts: Mapping[str, Sequence[Mapping[str, object]]]) -> dict[Cell, int]:
    """Cells of an answer of the API, with what it tells of each."""
    found = {}
    for part in ("rows", "unknown", "byGender"):
        for one in parts[part]:
            name = str(one["dimension"]).lower()
            cell = Cell(name, str(one.get("value", UNKNOWN)), one.get("gender"))  # type: ignore[arg-type]
            found[cell] = int(one["learners"])  # type: ignore[call-overload]
    return found
