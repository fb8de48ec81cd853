"""From an indicator's expressions to finished rows: checked, typed, in the catalogue's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from courselens.errors import PluginError
from indicators.arrow import TYPES, arrow_type
from indicators.contract import Indicator, Intermediate
from indicators.engine import Engine, to_sql
from indicators.lint import check_portable
from indicators.parameters import Parameters
from indicators.shape import VALUES, Field, Kind, Part, Shape, read_shape
from indicators.sharing import share_common
from indicators.tables import Tables

SORT_POSITION = "sort_position"
"""Optional extra column of an expression: rows of a subject are ordered by it first."""


_FITS: dict[str, Callable[[Any], bool]] = {
    "int": lambda kind: kind.is_integer(),
    "float": lambda kind: kind.is_numeric(),
    "bool": lambda kind: kind.is_boolean(),
    "string": lambda kind: kind.is_string(),
}
"""Whether a column's type holds the declared kind of an intermediate's column."""

Returned = tuple[Shape, ir.Table | Mapping[str, ir.Table]]
"""A result's shape for students or groups, and what an indicator's code returned for them."""


@dataclass(frozen=True, slots=True)
class Query:
    """The rows of one part, as SQL; `is_by_key`: in the order of the subject and all keys."""

    part: Part
    sql: str
    is_by_key: bool


@dataclass(frozen=True, slots=True)
class Queries:
    """All of an indicator: tables to make first, by name, and its parts by subject column."""

    owner: str
    tables: Mapping[str, str]
    subjects: Mapping[str, tuple[Query, ...]]


def compile_queries(
    owner: str, levels: Mapping[str, Returned], *, blocks: ir.Table | None
) -> Queries:
    """Check and compile what an indicator's code returned.

    Args:
        owner: key of the indicator.
        levels: by subject column, `user_id` or `group_id`.
        blocks: course tree, for the order of block keys; None without a structure.

    Raises:
        PluginError: a part or column is missing or too many.
        NotPortable: an operation means something else on another engine.
    """
    given: dict[tuple[str, str], ir.Table] = {}
    for subject, (shape, returned) in levels.items():
        parts = _by_part(owner, shape, returned)
        for part in shape.parts:
            _check_table(owner, part, parts[part.name])
            _check_columns(owner, part, parts[part.name], subject)
            check_portable(owner, parts[part.name])
            given[subject, part.name] = parts[part.name]
    tables, expressions = share_common(owner, given)
    return Queries(
        owner,
        {name: to_sql(table) for name, table in tables.items()},
        {
            subject: tuple(
                _query(part, expressions[subject, part.name], subject, blocks)
                for part in shape.parts
            )
            for subject, (shape, _) in levels.items()
        },
    )


def call_indicator(
    one: Indicator, tables: Tables, parameters: Parameters, *, students: bool, groups: bool
) -> dict[str, Returned]:
    """What an indicator's code returns for students and for groups, as far as they are wanted."""
    levels: dict[str, Returned] = {}
    if students and one.student and one.compute_student:
        levels["user_id"] = (read_shape(one.student), one.compute_student(tables, parameters))
    if groups and one.group and one.compute_group:
        levels["group_id"] = (read_shape(one.group), one.compute_group(tables, parameters))
    return levels


def build_intermediate(derived: Intermediate, tables: Tables, parameters: Parameters) -> ir.Table:
    """The expression of an intermediate, checked and cut to its declared columns.

    Raises:
        PluginError: what its code gave is no table, or has not the declared columns.
        NotPortable: an operation means something else on another engine.
        MissingSource: its code says so.
    """
    expression = derived.build(tables, parameters)
    if not isinstance(expression, ir.Table):
        raise PluginError(
            derived.name, f"gave a {type(expression).__name__}", "return a table expression"
        )
    check_portable(derived.name, expression)
    missing = [name for name in derived.columns if name not in expression.columns]
    if missing:
        raise PluginError(
            derived.name, f"columns missing {missing}", "select all the columns that it declares"
        )
    for name, kind in derived.columns.items():
        found = expression.schema()[name]
        if not _FITS[kind](found):
            raise PluginError(
                derived.name, f"column {name} is a {found}, not {kind}", f"cast it to {kind}"
            )
    return expression.select(*derived.columns)


def run_queries(queries: Queries, engine: Engine) -> dict[str, dict[str, pa.Table]]:
    """Compute an indicator.

    Returns:
        By subject column and part, a table of the subject, the part's keys and its values.

    Raises:
        PluginError: a column cannot be cast to its kind, or a key is null or occurs twice.
    """
    for name, sql in queries.tables.items():
        engine.keep(name, sql)
    return {
        subject: {
            query.part.name: _typed(queries.owner, query, engine.read(query.sql), subject)
            for query in parts
        }
        for subject, parts in queries.subjects.items()
    }


def null_parts(shape: Shape, *, subject: str, subjects: pa.Array) -> dict[str, pa.Table]:
    """Rows of a result that cannot be measured: null values per subject, no rows in lists."""
    empty = {part.name: result_schema(part, subject).empty_table() for part in shape.parts}
    for part in shape.parts:
        if part.name == VALUES or not part.many:
            nulls = [pa.nulls(len(subjects), arrow_type(field)) for field in part.values]
            if not part.keys:
                empty[part.name] = pa.Table.from_arrays(
                    [subjects, *nulls], schema=result_schema(part, subject)
                )
    return empty


def _by_part(
    owner: str, shape: Shape, given: ir.Table | Mapping[str, ir.Table]
) -> Mapping[str, ir.Table]:
    expected = [part.name for part in shape.parts]
    if isinstance(given, Mapping):
        if set(given) != set(expected):
            raise PluginError(
                owner,
                f"gave the parts {sorted(given)}, its result type has {sorted(expected)}",
                "return one expression per part, by name",
            )
        return given
    if len(expected) != 1:
        raise PluginError(
            owner,
            f"gave one expression, its result type has the parts {expected}",
            "return a dict of expressions, one per part",
        )
    return {expected[0]: given}


def _check_table(owner: str, part: Part, given: object) -> None:
    if not isinstance(given, ir.Table):
        raise PluginError(
            owner, f"part {part.name} is a {type(given).__name__}", "return a table expression"
        )


def _check_columns(owner: str, part: Part, expression: ir.Table, subject: str) -> None:
    expected = {subject, *(field.name for field in part.fields)}
    found = set(expression.columns) - {SORT_POSITION}
    if found != expected:
        missing, extra = sorted(expected - found), sorted(found - expected)
        raise PluginError(
            owner,
            f"part {part.name}: columns missing {missing}, unexpected {extra}",
            "select exactly the subject, the keys and the values of the result type",
        )


def _ordered(part: Part, expression: ir.Table, subject: str, blocks: ir.Table | None) -> ir.Table:
    names = [subject, *(field.name for field in part.fields)]
    order: list[str] = [subject]
    if SORT_POSITION in expression.columns:
        order.append(SORT_POSITION)
    for field in part.keys:
        if field.kind is Kind.BLOCK and blocks is not None:
            place, block = f"_{field.name}_position", f"_{field.name}_block"
            positions = blocks.select(**{block: blocks.block_key, place: blocks.position})
            expression = expression.left_join(positions, expression[field.name] == positions[block])
            order.append(place)
        elif field.enum_type is not None:  # as declared
            place = f"_{field.name}_position"
            values = [member.value for member in field.enum_type]
            choices = [(expression[field.name] == value, n) for n, value in enumerate(values)]
            expression = expression.mutate(**{place: ibis.cases(*choices, else_=len(values))})
            order.append(place)
        order.append(field.name)
    return expression.order_by([expression[name].asc(nulls_first=False) for name in order]).select(
        *names
    )


def _query(part: Part, expression: ir.Table, subject: str, blocks: ir.Table | None) -> Query:
    ordered = _ordered(part, expression, subject, blocks)
    return Query(part, to_sql(ordered), is_by_key=SORT_POSITION not in expression.columns)


def result_schema(part: Part, subject: str) -> pa.Schema:
    """Columns of a part's finished rows: the subject, the keys, the values."""
    subject_type = pa.int64() if subject == "user_id" else pa.string()
    return pa.schema(
        [pa.field(subject, subject_type)]
        + [pa.field(field.name, arrow_type(field)) for field in part.fields]
    )


def _typed(owner: str, query: Query, table: pa.Table, subject: str) -> pa.Table:
    part = query.part
    schema = result_schema(part, subject)
    columns = [table.column(subject).cast(schema.field(subject).type)]
    for field in part.fields:
        try:
            columns.append(_cast(table.column(field.name), field))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
            raise PluginError(
                owner,
                f"part {part.name}: column {field.name} is no {field.kind} ({exc})",
                f"cast it to {field.kind}",
            ) from exc
    typed = pa.Table.from_arrays(columns, schema=schema)
    _check_keys(owner, query, typed, subject)
    return typed


def _check_keys(owner: str, query: Query, rows: pa.Table, subject: str) -> None:
    """Refuse null keys and twins; in rows by key twins are neighbours, and cheap to find."""
    part = query.part
    keys = [subject, *(field.name for field in part.keys)]
    nulls = [name for name in keys if rows.column(name).null_count]
    if nulls:
        raise PluginError(
            owner,
            f"part {part.name}: {', '.join(nulls)} is null in some rows",
            "leave such rows out, or give the key a value of its own such as `unknown`",
        )
    if query.is_by_key:
        are_twins = (pc.equal(rows[key][1:], rows[key][:-1]) for key in keys)
        has_twins = pc.any(reduce(pc.and_, are_twins)).as_py()
    else:
        has_twins = rows.group_by(keys).aggregate([]).num_rows != rows.num_rows
    if has_twins:
        raise PluginError(
            owner,
            f"part {part.name}: several rows have the same {', '.join(keys)}",
            "group by the subject and all keys",
        )


def _cast(column: pa.ChunkedArray, field: Field) -> pa.ChunkedArray:
    if field.kind is Kind.DAY and pa.types.is_integer(column.type):
        return column.cast(pa.int32()).cast(pa.date32())
    if field.kind is Kind.INSTANT and pa.types.is_integer(column.type):
        return column.cast(pa.int64()).cast(TYPES[Kind.INSTANT])
    return column.cast(arrow_type(field))
