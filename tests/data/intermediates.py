"""Rows of an intermediate for a built course."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Annotated, Any

from courselens.domain import Level
from courselens.plugin import ir, literal, row_number
from courselens.testing import CourseBuilder, run_indicator
from indicators.contract import Indicator
from indicators.registry import Declaration, Registry, load_registry
from indicators.result import Result
from indicators.shape import Key

_TYPES = {"int": int, "float": float, "bool": bool, "string": str}


def result_of(name: str, course: CourseBuilder, **options: Any) -> Result:
    """Compute an intermediate without a column `group_id` as if it were an indicator's rows."""
    registry = load_registry()
    derived = registry.intermediates[name]
    columns = [
        ("row", Annotated[int, Key("Number of the row in the order of all columns.")]),
        *((column, _TYPES[kind] | None) for column, kind in derived.columns.items()),
    ]
    table = make_dataclass("Table", [("rows", list[make_dataclass("Row", columns)])])
    probe = Indicator(
        key="probe",
        version=1,
        title="",
        description="",
        unit="rows",
        family="probe",
        levels=(Level.COURSE,),
        needs=(name,),
        definitions=("courselens", "insights"),
        group=table,
        compute_group=lambda t, p: _numbered(getattr(t, name)),
    )
    known = {**registry.intermediates, probe.key: probe}
    declarations = [Declaration(key, "courselens", "", one) for key, one in known.items()]
    return run_indicator("probe", course, registry=Registry(declarations), **options)


def _numbered(rows: ir.Table) -> ir.Table:
    one = rows.mutate(group_id=literal("course"))
    order = [one[name].asc() for name in rows.columns]
    return one.mutate(row=row_number(one, "group_id", order_by=order))


def rows_of(name: str, course: CourseBuilder, **options: Any) -> list[dict[str, Any]]:
    """Rows of an intermediate, ordered by its columns from the first on."""
    result = result_of(name, course, **options)
    assert result.envelope.error is None, result.envelope.error
    return result.group["rows"].drop_columns(["group_id", "row"]).to_pylist()
