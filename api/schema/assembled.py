"""The schema, assembled from a registry."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLSchema, print_schema

from api.access.policy import ProfileFilters
from api.codes import EXPLAINED, ErrorCode
from api.context import Catalog
from api.schema.fields import TypeMaker, build_schema, core_schema
from api.schema.records import Nested, Record, camel
from api.schema.shapes import Values, metric_names, read_values
from api.types.block import BLOCK
from api.types.course import course_type
from api.types.filters import make_filter_inputs
from api.types.meta import NAMED_TEXT, RESULT_META, TIME_WINDOW
from api.types.mutation import mutation_type
from api.types.query import query_type
from api.types.student import student_record
from api.types.subscription import subscription_type
from api.types.summary import HISTOGRAM_BIN, STANDING, SUMMARY
from courselens.domain import BUILT_IN
from courselens.errors import PluginError
from indicators.contract import Indicator
from indicators.registry import Registry
from indicators.shape import ShapeError

_SHARED = (BLOCK, HISTOGRAM_BIN, NAMED_TEXT, RESULT_META, STANDING, SUMMARY, TIME_WINDOW)
_OWN_NAMES = frozenset(
    {
        *(
            "Block",
            "Cohort",
            "CohortIndicators",
            "ComparedGroup",
            "Cost",
            "Course",
            "CourseConnection",
        ),
        *("CourseEdge", "CourseIndicators", "Date", "DateRangeInput", "DateTime"),
        *("DateTimeRangeInput", "Direction", "ErrorCode"),
        *(
            "GradeBand",
            "GroupIndicators",
            "GroupInput",
            "GroupSummary",
            "HistogramBin",
            "IndicatorInfo",
        ),
        *("CourseRefresh", "Mutation", "RefreshState", "Subscription"),
        *("Level", "NamedText", "Node", "PageInfo", "ParameterInfo", "Privacy", "Query"),
        *("RangeInput", "ResultMeta", "Standing", "Status", "Student", "StudentColumn"),
        *("StudentConnection", "StudentEdge", "StudentFilter", "StudentIndicators"),
        *("StudentMetric", "StudentOrder", "StudentValuesFilter", "Summary", "TimeWindow"),
        *("Viewer", "Boolean", "Float", "ID", "Int", "String"),
    }
)
"""Types that do not come from an indicator; none may take their names."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A schema, what stands behind it, and indicators it could not express.

    Attributes:
        records: the types that are plain, by name.
    """

    schema: GraphQLSchema
    catalog: Catalog
    records: Mapping[str, Record]
    refused: tuple[PluginError, ...]


def assemble(
    registry: Registry, profile_filters: ProfileFilters = ProfileFilters.TEAM
) -> Assembled:
    """Make the schema of a registry; an indicator that cannot be expressed is left out.

    The schema is the same whoever may filter by profiles.
    """
    values, refused = _read_all(registry)
    catalog = Catalog(
        registry=registry,
        values=values,
        by_field={camel(key): value for key, value in values.items()},
        metrics=metric_names(values.values()),
        profile_filters=profile_filters,
    )
    maker = TypeMaker()
    student = student_record(tuple(values.values()))
    course = course_type(maker, tuple(values.values()), student, make_filter_inputs(maker, catalog))
    codes = maker.enum(ErrorCode, {code.name: EXPLAINED[code].text for code in ErrorCode})
    schema = build_schema(
        query_type(maker, student, course),
        mutation=mutation_type(maker, course),
        subscription=subscription_type(maker, course),
        extra_types=[codes],
    )
    return Assembled(core_schema(schema), catalog, maker.records, tuple(refused))


def schema_sdl(assembled: Assembled) -> str:
    """The text of `schema.graphql`, with a header that says whose indicators are in it."""
    return f"# {_told(assembled.catalog)}\n\n{print_schema(assembled.schema)}\n"


def _told(catalog: Catalog) -> str:
    indicators = [catalog.registry.indicator(key) for key in catalog.values]
    plugins = sorted({one.provider for one in indicators} - {BUILT_IN})
    if not plugins:
        return "The schema of courselens with its built-in indicators. Generated: `make schema`."
    return (
        "The schema of this installation of courselens, with the indicators of its plugins:"
        f" {', '.join(plugins)}. Generated: `courselens schema`."
    )


def _read_all(registry: Registry) -> tuple[dict[str, Values], list[PluginError]]:
    """Values of every indicator by key; built-ins first, so that a plugin cannot push one out."""
    values: dict[str, Values] = {}
    refused: list[PluginError] = []
    taken: dict[str, object] = dict.fromkeys(_OWN_NAMES, "the schema itself")
    indicators = registry.indicators.values()
    for indicator in sorted(indicators, key=lambda each: (each.provider != BUILT_IN, each.key)):
        try:
            read = read_values(registry, indicator)
            names = _names(indicator, read)
            _refuse_taken(names, taken)
        except ShapeError as error:
            problem = f"{indicator.key}: {error.problem}"
            refused.append(PluginError(indicator.provider, problem, error.fix))
            continue
        taken.update(names)
        values[indicator.key] = read
    return dict(sorted(values.items())), refused


def _refuse_taken(names: Mapping[str, object], taken: Mapping[str, object]) -> None:
    for name, owner in sorted(names.items()):
        if taken.get(name, owner) is not owner:
            raise ShapeError(
                f"the name {name} is already used by {taken[name]}",
                "choose another key, or another name for the enum",
            )


def _names(indicator: Indicator, values: Values) -> dict[str, object]:
    """GraphQL names that an indicator takes, of filters too, and by what: its key, or an enum."""
    found: dict[str, object] = {camel(indicator.key): indicator.key}
    found.update({camel(name): indicator.key for name in metric_names([values])})
    pending: list[Record] = [
        value.record for value in (values.student, values.group, values.ad_hoc) if value
    ]
    while pending:
        record = pending.pop()
        if record in _SHARED:
            continue
        found[record.name] = indicator.key
        for field in record.fields:
            if isinstance(field, Nested):
                pending.append(field.record)
            elif isinstance(field.kind, type) and issubclass(field.kind, enum.Enum):
                found[field.kind.__name__] = field.kind
    return found
