"""Which students, and in which order: inputs made from the registry's numbers."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from aggregates.filters import OneOf, Order, Range, RosterColumn, StudentFilter
from api.access.policy import Access, require_profile_filters
from api.context import Catalog
from api.schema.fields import Argument, TypeMaker, input_values
from api.schema.records import camel
from api.schema.shapes import Metric, unit_of
from api.types.scalars import Direction, GradeBand
from api.types.summary import ITS_OWN
from courselens.errors import QueryError
from indicators.shape import Field, Kind

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
PROFILE = frozenset({"year_of_birth", "gender", "level_of_education", "country"})
"""What students say of themselves: columns of the roster, and conditions of a filter."""
_ORDERED = {
    "grade_band": ": `NOT_DONE`, `FAIL`, `PASS`, `HONOURS`, then others.",
    "level_of_education": ": `none`, `el`, `jhs`, `hs`, `a`, `b`, `m`, `p`, then other codes.",
}
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
    """Input types of one schema."""

    filter: type
    order: type
    group: type


def make_filter_inputs(maker: TypeMaker, catalog: Catalog) -> FilterInputs:
    """Make `StudentFilter` and `StudentOrder` for the scalar values of a registry."""
    ranges = _Ranges(maker)
    fields = {
        name: Argument(list[str], f"Any of these. {prose}") for name, (_, prose) in _LISTS.items()
    }
    fields["grade_band"] = Argument(list[maker.enum(GradeBand)], "Any of these.")  # type: ignore[misc]
    fields["year_of_birth"] = Argument(ranges.of(Kind.INT), "Born in these years.")
    order: dict[str, Argument] = {
        "profile": Argument(
            _names(
                maker,
                "StudentColumn",
                {name: f"`{camel(name)}` of a student{_ORDERED.get(name, '.')}" for name in ROSTER},
                "Columns of the roster to order by.",
            ),
            "By a column of the roster. Give this or `indicator`.",
        ),
    }
    if catalog.metrics:
        fields["values"] = Argument(_values_input(maker, catalog, ranges), "By indicators.")
        sortable = {
            name: _prose(catalog, metric)
            for name, metric in catalog.metrics.items()
            if not metric.field.is_list
        }
        metrics = _names(
            maker,
            "StudentMetric",
            sortable,
            "Values of students to order by; named after the indicator, and its field where it "
            "has several.",
        )
        order["indicator"] = Argument(metrics, "By a value of students. Give this or `profile`.")
    order["direction"] = Argument(
        maker.enum(Direction), "Nulls come last in both.", maker.enum(Direction)["ASC"]
    )
    filter_ = maker.input(
        "StudentFilter",
        fields,
        description="All conditions hold; within a list any value does.",
    )
    group = maker.input(
        "GroupInput",
        {"filter": Argument(filter_, "Which students; none given: all enrolled.")},
        required={"label": Argument(str, "Name of its column, given back.")},
        description="A group to compare: a cohort, an arm, whoever matches, or the class.",
    )
    return FilterInputs(
        filter_,
        maker.input("StudentOrder", order, description="By what students are sorted."),
        group,
    )


def read_filter(catalog: Catalog, access: Access, given: Any) -> StudentFilter:
    """The filter that an input means; None: all enrolled students.

    Raises:
        AccessError: it names the profile, by which the viewer may not choose students.
    """
    if given is None:
        return StudentFilter()
    values = input_values(given)
    if not PROFILE.isdisjoint(values):
        require_profile_filters(access)
    lists = {attribute: tuple(values.get(name, ())) for name, (attribute, _) in _LISTS.items()}
    years = values.get("year_of_birth")
    metrics = input_values(values["values"]) if "values" in values else {}
    return StudentFilter(
        **lists,
        grade_bands=tuple(band.value for band in values.get("grade_band", ())),
        year_of_birth=_range(years) if years else None,
        values=tuple((catalog.metrics[name].ref, _wanted(one)) for name, one in metrics.items()),
    )


def read_compared(
    catalog: Catalog, access: Access, given: Sequence[Any]
) -> list[tuple[str, StudentFilter]]:
    """Labels and filters of the groups that inputs mean; raises as `read_filter`."""
    found = (input_values(one) for one in given)
    return [(one["label"], read_filter(catalog, access, one.get("filter"))) for one in found]


def read_order(catalog: Catalog, access: Access, given: Any) -> Order:
    """The order that an input means; None: by username.

    Raises:
        QueryError: not exactly one of `indicator` and `profile` is given.
        AccessError: it is by the profile, by which the viewer may not order students.
    """
    if given is None:
        return Order("username")
    values = input_values(given)
    if ("indicator" in values) == ("profile" in values):
        raise QueryError("orderBy: give either `indicator` or `profile`")
    descending = values["direction"].value == Direction.DESC.value
    if "indicator" in values:
        return Order(catalog.metrics[values["indicator"].value].ref, descending)
    if values["profile"].value in PROFILE:
        require_profile_filters(access)
    return Order(values["profile"].value, descending)


def order_name(order: Order) -> str:
    """The text by which cursors know an order."""
    by = order.by if isinstance(order.by, str) else order.by.column
    return f"{by}:{'desc' if order.descending else 'asc'}"


class _Ranges:
    """Inputs of bounds, made when a field needs them."""

    _NAMES: ClassVar[dict[Kind, tuple[str, Any, str]]] = {
        Kind.INT: ("RangeInput", float, "number"),
        Kind.FLOAT: ("RangeInput", float, "number"),
        Kind.DAY: ("DateRangeInput", date, "day"),
        Kind.INSTANT: ("DateTimeRangeInput", datetime, "instant"),
    }

    def __init__(self, maker: TypeMaker) -> None:
        self._maker = maker
        self._made: dict[str, type] = {}

    def of(self, kind: Kind) -> type:
        """The input of a kind."""
        name, bound, what = self._NAMES[kind]
        if name not in self._made:
            unit = f" Unit: {ITS_OWN}." if bound is float else ""
            fields = {
                "gte": Argument(bound, f"At least.{unit}"),
                "lte": Argument(bound, f"At most.{unit}"),
                "gt": Argument(bound, f"More than.{unit}"),
                "lt": Argument(bound, f"Less than.{unit}"),
                "missing": Argument(
                    bool, f"Those without a {what} too; without bounds, those alone."
                ),
            }
            self._made[name] = self._maker.input(
                name,
                fields,
                description=f"Bounds of a {what}; a missing one lies in none of them.",
            )
        return self._made[name]


def _values_input(maker: TypeMaker, catalog: Catalog, ranges: _Ranges) -> type:
    fields = {}
    for name, metric in catalog.metrics.items():
        kind = _input_kind(maker, ranges, metric.field)
        if kind is not None:
            prose = _prose(catalog, metric)
            if metric.field.kind in (Kind.STRING, Kind.BLOCK):
                prose += " Any of these; `unknown`: it has none."
            fields[name] = Argument(kind, prose)
    return maker.input(
        "StudentValuesFilter", fields, description="Values of students by indicator; all hold."
    )


def _input_kind(maker: TypeMaker, ranges: _Ranges, field: Field) -> Any:
    """By what a field is filtered: bounds, any of some values, or yes and no; None: by nothing."""
    if field.enum_type is not None:
        return list[maker.enum(field.enum_type)]  # type: ignore[misc]
    if field.kind in (Kind.STRING, Kind.BLOCK):
        return list[str]
    if field.is_list:
        return None
    return bool if field.kind is Kind.BOOL else ranges.of(field.kind)


def _prose(catalog: Catalog, metric: Metric) -> str:
    title = catalog.registry.indicator(metric.ref.indicator).title
    unit = unit_of(metric.field) if metric.field.is_numeric else None
    prose = f"{title}: `{camel(metric.field.name)}`."
    return f"{prose} Unit: {unit}." if unit else prose


def _wanted(given: Any) -> Range | OneOf:
    if isinstance(given, bool):
        return OneOf((given,))
    if isinstance(given, list):
        return OneOf(tuple(one.value if isinstance(one, enum.Enum) else one for one in given))
    return _range(given)


def _range(given: Any) -> Range:
    return Range(**input_values(given))


def _names(
    maker: TypeMaker, name: str, described: Mapping[str, str], prose: str
) -> type[enum.Enum]:
    values = {value.upper(): value for value in described}
    made = enum.Enum(name, list(values.items()))  # type: ignore[misc]
    made.__doc__ = prose
    return maker.enum(made, {upper: described[value] for upper, value in values.items()})
