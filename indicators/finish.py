"""From an indicator's expressions to finished rows: checked, typed, in the catalogue's order."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import pyarrow as pa
from ibis.expr import types as ir

from courselens.errors import PluginError
from indicators.engine import Engine
from indicators.lint import check_portable
from indicators.shape import ARROW, VALUES, Field, Kind, Part, Shape

SORT_POSITION = "sort_position"
"""Optional extra column of an expression: rows of a subject are ordered by it first."""


def finish_parts(
    owner: str,
    shape: Shape,
    given: ir.Table | Mapping[str, ir.Table],
    *,
    subject: str,
    blocks: ir.Table | None,
    engine: Engine,
) -> dict[str, pa.Table]:
    """Compute the expressions of one level.

    Args:
        owner: key of the indicator, for errors.
        shape: of its result at this level.
        given: what its code returned.
        subject: `user_id` or `group_id`.
        blocks: course tree, for the order of block keys; None without a structure.
        engine: where to compute.

    Returns:
        By part, a table of the subject, the part's keys and its values.

    Raises:
        PluginError: a part or column is missing or too many, or a key occurs twice.
        NotPortable: an operation means something else on another engine.
    """
    parts = _by_part(owner, shape, given)
    finished = {}
    for part in shape.parts:
        expression = parts[part.name]
        _check_columns(owner, part, expression, subject)
        check_portable(owner, expression)
        finished[part.name] = _typed(
            owner, part, engine.fetch(_ordered(part, expression, subject, blocks)), subject
        )
    return finished


def null_parts(shape: Shape, *, subject: str, subjects: pa.Array) -> dict[str, pa.Table]:
    """Rows of a result that cannot be measured: null values per subject, no rows in lists."""
    empty = {part.name: _schema(part, subject).empty_table() for part in shape.parts}
    for part in shape.parts:
        if part.name == VALUES or not part.many:
            nulls = [pa.nulls(len(subjects), field.arrow_type) for field in part.values]
            if not part.keys:
                empty[part.name] = pa.Table.from_arrays(
                    [subjects, *nulls], schema=_schema(part, subject)
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


def _schema(part: Part, subject: str) -> pa.Schema:
    subject_type = pa.int64() if subject == "user_id" else pa.string()
    return pa.schema(
        [pa.field(subject, subject_type)]
        + [pa.field(field.name, field.arrow_type) for field in part.fields]
    )


def _typed(owner: str, part: Part, table: pa.Table, subject: str) -> pa.Table:
    schema = _schema(part, subject)
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
    keys = [subject, *(field.name for field in part.keys)]
    nulls = [name for name in keys if typed.column(name).null_count]
    if nulls:
        raise PluginError(
            owner,
            f"part {part.name}: {', '.join(nulls)} is null in some rows",
            "leave such rows out, or give the key a value of its own such as `unknown`",
        )
    if typed.group_by(keys).aggregate([]).num_rows != typed.num_rows:
        raise PluginError(
            owner,
            f"part {part.name}: several rows have the same {', '.join(keys)}",
            "group by the subject and all keys",
        )
    return typed


def _cast(column: pa.ChunkedArray, field: Field) -> pa.ChunkedArray:
    if field.kind is Kind.DAY and pa.types.is_integer(column.type):
        return column.cast(pa.int32()).cast(pa.date32())
    if field.kind is Kind.INSTANT and pa.types.is_integer(column.type):
        return column.cast(pa.int64()).cast(ARROW[Kind.INSTANT])
    return column.cast(field.arrow_type)
