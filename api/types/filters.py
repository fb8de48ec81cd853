"""Which students, and in which order: inputs made from the registry's numbers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from aggregates.filters import Order, Range, RosterColumn, StudentFilter
from api.context import Catalog
from api.fields import Argument, TypeMaker, input_values
from api.types.scalars import Direction, GradeBand
from courselens.errors import QueryError

ROSTER: tuple[RosterColumn, ...] = (
    "username",
    "user_id",
    "enrolled_at",
    "mode",
    "cohort",
    "grade_band",
    "year_of_birth",
    "gender",
    "level_of_education",
    "country",
)
_LISTS = {
    "cohort": ("cohorts", "Names of cohorts; `unknown`: in none."),
    "mode": ("modes", "Enrolment tracks."),
    "gender": ("genders", "Codes of the profile; `unknown`: not said."),
    "level_of_education": ("levels_of_education", "Codes of the profile; `unknown`: not said."),
    "country": ("countries", "ISO 3166 codes; `unknown`: not said."),
    "arm": ("arms", "Arms of content experiments, `arm:PARTITION:GROUP`."),
}


@dataclass(frozen=True, slots=True)
class FilterInputs:
    """Input types of one schema; `order` is None never, its metrics may be."""

    filter: type
    order: type


def make_filter_inputs(maker: TypeMaker, catalog: Catalog) -> FilterInputs:
    """Make `StudentFilter` and `StudentOrder` for the numbers of a registry."""
    range_ = maker.input(
        "RangeInput",
        {
            "gte": Argument(float, "At least."),
            "lte": Argument(float, "At most."),
            "gt": Argument(float, "More than."),
            "lt": Argument(float, "Less than."),
        },
        description="Bounds of a number; a missing number lies in no range.",
    )
    fields = {
        name: Argument(list[str], f"Any of these. {prose}") for name, (_, prose) in _LISTS.items()
    }
    fields["grade_band"] = Argument(list[maker.enum(GradeBand)], "Any of these.")  # type: ignore[misc]
    fields["year_of_birth"] = Argument(range_, "Born in these years; not said: left out.")
    order: dict[str, Argument] = {
        "profile": Argument(
            maker.enum(_names("StudentColumn", ROSTER, "Columns of the roster to order by.")),
            "By a column of the roster. Give this or `indicator`.",
        ),
    }
    if catalog.metrics:
        fields["values"] = Argument(_values_input(maker, catalog, range_), "By indicators.")
        metrics = _names(
            "StudentMetric",
            tuple(catalog.metrics),
            "Numbers of students to order by; named after the indicator, and its field where it "
            "has several.",
        )
        order["indicator"] = Argument(
            maker.enum(metrics), "By a number of students. Give this or `profile`."
        )
    order["direction"] = Argument(
        maker.enum(Direction), "Nulls come last in both.", maker.enum(Direction)["ASC"]
    )
    return FilterInputs(
        maker.input(
            "StudentFilter",
            fields,
            description="All conditions hold; within a list any value does.",
        ),
        maker.input("StudentOrder", order, description="By what students are sorted."),
    )


def read_filter(catalog: Catalog, given: Any) -> StudentFilter:
    """The filter that an input means; None: all enrolled students."""
    if given is None:
        return StudentFilter()
    values = input_values(given)
    lists = {attribute: tuple(values.get(name, ())) for name, (attribute, _) in _LISTS.items()}
    years = values.get("year_of_birth")
    metrics = input_values(values["values"]) if "values" in values else {}
    return StudentFilter(
        **lists,
        grade_bands=tuple(band.value for band in values.get("grade_band", ())),
        year_of_birth=_range(years) if years else None,
        values=tuple((catalog.metrics[name], _range(range_)) for name, range_ in metrics.items()),
    )


def read_order(catalog: Catalog, given: Any) -> Order:
    """The order that an input means; None: by username.

    Raises:
        QueryError: not exactly one of `indicator` and `profile` is given.
    """
    if given is None:
        return Order("username")
    values = input_values(given)
    if ("indicator" in values) == ("profile" in values):
        raise QueryError("orderBy: give either `indicator` or `profile`")
    descending = values["direction"].value == Direction.DESC.value
    if "indicator" in values:
        return Order(catalog.metrics[values["indicator"].value], descending)
    return Order(values["profile"].value, descending)


def order_name(order: Order) -> str:
    """The text by which cursors know an order."""
    by = order.by if isinstance(order.by, str) else order.by.column
    return f"{by}:{'desc' if order.descending else 'asc'}"


def _values_input(maker: TypeMaker, catalog: Catalog, range_: type) -> type:
    fields = {}
    for name, ref in catalog.metrics.items():
        indicator = catalog.registry.indicator(ref.indicator)
        prose = f"{indicator.title}: `{ref.field}`."
        fields[name] = Argument(range_, prose)
    return maker.input(
        "StudentValuesFilter", fields, description="Ranges of numbers of students; all hold."
    )


def _range(given: Any) -> Range:
    return Range(**input_values(given))


def _names(name: str, values: tuple[str, ...], prose: str) -> type[enum.Enum]:
    made = enum.Enum(name, [(value.upper(), value) for value in values])  # type: ignore[misc]
    made.__doc__ = prose
    return made
