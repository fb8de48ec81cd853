"""The registry as data: what can be asked for, in what unit, out of what."""

from __future__ import annotations

from collections.abc import Mapping

from api.schema.records import Column, Nested, Record, Row, camel
from api.types.meta import as_text
from courselens.domain import Level
from indicators.contract import Cost, Indicator, Privacy
from indicators.parameters import Parameter
from indicators.registry import Registry

PARAMETER_INFO = Record(
    "ParameterInfo",
    "A parameter of an indicator. Answers hold for the defaults; `meta.parameters` repeats them.",
    (
        Column("name", str, "Name.", nullable=False),
        Column("kind", str, "`int`, `float`, `bool` or `str`.", nullable=False),
        Column("default", str, "Default as text; null: not set."),
        Column("description", str, "What it does.", nullable=False),
        Column("allowed", str, "What is allowed, in words.", nullable=False),
    ),
)

INDICATOR_INFO = Record(
    "IndicatorInfo",
    "A learning metric that is installed.",
    (
        Column("key", str, "Stable key.", nullable=False),
        Column("field", str, "Its field in `indicators { … }`.", nullable=False),
        Column("title", str, "Short name for people.", nullable=False),
        Column("description", str, "What it measures.", nullable=False),
        Column("unit", str, "Unit of the main value.", nullable=False),
        Column("family", str, "Family it belongs to.", nullable=False),
        Column("levels", Level, "Whom it can be asked for.", nullable=False, is_list=True),
        Column("needs", str, "Tables it cannot do without.", nullable=False, is_list=True),
        Column("uses", str, "Tables it also looks at.", nullable=False, is_list=True),
        Nested("parameters", PARAMETER_INFO, "Parameters.", nullable=False, is_list=True),
        Column("definitions", str, "Values of `definition`.", nullable=False, is_list=True),
        Column("takes_window", bool, "Whether it looks at a span of time.", nullable=False),
        Column("merges", bool, "Whether daily values add up.", nullable=False),
        Column("version", int, "Version of the definition.", nullable=False),
        Column("provider", str, "Package that brings it.", nullable=False),
        Column("provider_version", str, "Version of that package.", nullable=False),
        Column("privacy", Privacy, "Who may see it.", nullable=False, is_list=True),
        Column("cost", Cost, "How it is obtained.", nullable=False),
        Column(
            "chart",
            str,
            "Vega-Lite specification as JSON; its data are the parts of the result by name, "
            "`values` for the scalar fields. Null: it has none.",
        ),
        Column(
            "problem",
            str,
            "Why its live values are switched off now, in this process; null: they are not.",
        ),
    ),
)


def indicator_rows(registry: Registry, problems: Mapping[str, str]) -> list[Row]:
    """Every indicator of the registry, sorted by key; `problems` are those of live code, by key."""
    return [_row(registry, one, problems.get(one.key)) for one in registry.indicators.values()]


def _row(registry: Registry, indicator: Indicator, problem: str | None) -> Row:
    return {
        "key": indicator.key,
        "field": camel(indicator.key),
        "title": indicator.title,
        "description": indicator.description,
        "unit": indicator.unit,
        "family": indicator.family,
        "levels": [level.value for level in indicator.levels],
        "needs": list(indicator.needs),
        "uses": list(indicator.uses),
        "parameters": [_parameter(parameter) for parameter in registry.parameters(indicator.key)],
        "definitions": list(indicator.definitions),
        "takes_window": indicator.takes_window,
        "merges": indicator.merges,
        "version": indicator.version,
        "provider": indicator.provider,
        "provider_version": indicator.provider_version,
        "privacy": [privacy.value for privacy in indicator.privacy],
        "cost": indicator.cost.value,
        "chart": registry.chart(indicator.key),
        "problem": problem,
    }


def _parameter(parameter: Parameter) -> Row:
    return {
        "name": parameter.name,
        "kind": parameter.kind.__name__,
        "default": as_text(parameter.default),
        "description": parameter.description,
        "allowed": parameter.allowed,
    }
