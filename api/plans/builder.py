"""Generated Python that makes answers of rows: a selection of plain fields, compiled once.

Of a document only places and names of the schema reach the generated code: aliases are keys of
the structs, and no value of a client is in it. What the code does not expect (a null where none
may be, a number that JSON or GraphQL's Int cannot hold, an exception in place of a value) raises
`Deopt`; the stock executor then writes the error.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

import msgspec
import strawberry
from graphql import SelectionSetNode

from api.plans.chosen import Choice, Chosen
from api.schema.fields import read_value
from api.schema.records import Column, Nested, Record, camel
from api.types.scalars import write_instant

Build = Callable[..., Any]

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_TYPENAME = "__typename"


class Deopt(Exception):
    """This cannot be answered by a plan; `reason` is one of few words, for a counter."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class StaleCourse(Exception):
    """A remembered course has a later run, or must be looked up: the plan starts again."""


class Source(Protocol):
    """Where the generated code finds the fields of a record."""

    def column(self, column: Column) -> str:
        """Expression of a column's value."""

    def nested(self, nested: Nested) -> Place:
        """Where a nested row is."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A nested row of which the answer is made elsewhere.

    Attributes:
        expression: the answer's expression, given the function that makes it of the row.
    """

    expression: Callable[[Build], str]


Place = tuple[str, Source] | Source | Answered
"""Expression of a nested row, or rows, and where in it its fields are; without an expression it is
always there."""


class RowSource:
    """Rows as resolvers give them: values by name."""

    def __init__(self, row: str = "row") -> None:
        self._row = row

    def column(self, column: Column) -> str:
        """The value under the column's name."""
        return f"{self._row}[{column.name!r}]"

    def nested(self, nested: Nested) -> Place:
        """The row, or rows, under the nested name."""
        inner = ObjectSource() if nested.is_linked else RowSource()
        return f"{self._row}[{nested.name!r}]", inner


class ObjectSource:
    """What a resolver gave, a row or an object."""

    def column(self, column: Column) -> str:
        """The value under the column's name."""
        return f"read_value(row, {column.name!r})"

    def nested(self, nested: Nested) -> Place:
        """The row, or rows, under the nested name."""
        return f"read_value(row, {nested.name!r})", RowSource()


class Builder:
    """Makes functions for the selections of one operation."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._names: dict[str, Any] = {
            "as_int": _as_int,
            "as_float": _as_float,
            "as_text": _as_text,
            "as_bool": _as_bool,
            "as_day": _as_day,
            "write_instant": write_instant,
            "datetime": datetime,
            "UTC": UTC,
            "missing": _missing,
            "failed": _failed,
            "read_value": read_value,
        }

    def rows(self, record: Record, selections: tuple[SelectionSetNode, ...]) -> Build:
        """A function from a row of the record, or an exception in its place, to the answer."""
        return self.function(record, selections, RowSource(), "row")

    def function(
        self,
        record: Record,
        selections: tuple[SelectionSetNode, ...],
        source: Source,
        arguments: str,
    ) -> Build:
        """A function of these arguments, which the source's expressions use."""
        lines: list[str] = []
        made = self._struct(record, selections, source, lines)
        if not lines:
            lines.append("if isinstance(row, Exception): failed()")
        return self._function(arguments, lines, made)

    def leaves(
        self, type_name: str, chosen: list[tuple[Chosen, Column | Nested | None]]
    ) -> Callable[[Any], tuple[Any, ...]]:
        """A function from an object to the values of these fields; None stands for `__typename`."""
        lines: list[str] = []
        values = []
        for one, field in chosen:
            if field is None:
                values.append(repr(type_name))
            elif isinstance(field, Nested):
                values.append(self._nested(field, one.below, ObjectSource(), lines))
            else:
                values.append(self._column(field, ObjectSource().column(field), lines))
        return self._function("row", lines, f"({''.join(value + ', ' for value in values)})")

    def constant(self, value: Any) -> str:
        """The name under which generated code finds a value."""
        return self._name("given", value)

    def _function(self, arguments: str, lines: list[str], made: str) -> Build:
        name = self._name("build", None)
        body = "\n    ".join([*lines, f"return {made}"])
        exec(f"def {name}({arguments}):\n    {body}\n", self._names)  # noqa: S102 - see above
        found: Build = self._names[name]
        return found

    def _struct(
        self,
        record: Record,
        selections: tuple[SelectionSetNode, ...],
        source: Source,
        lines: list[str],
    ) -> str:
        """Add what is needed to `lines`; the expression of the struct."""
        types = frozenset({record.name, *(("Node",) if record.is_node else ())})
        chosen = self._choice.of(selections, types)
        fields = {camel(field.name): field for field in record.fields}
        values = []
        for one in chosen:
            if one.name == _TYPENAME:
                values.append(repr(record.name))
                continue
            field = fields.get(one.name)
            if field is None:  # of a linked type, and has a resolver
                raise Deopt("link")
            if isinstance(field, Nested):
                values.append(self._nested(field, one.below, source, lines))
            else:
                values.append(self._column(field, source.column(field), lines))
        struct = self._name("answer", make_struct(record.name, [one.key for one in chosen]))
        return f"{struct}({', '.join(values)})"

    def _nested(
        self,
        field: Nested,
        below: tuple[SelectionSetNode, ...],
        source: Source,
        lines: list[str],
    ) -> str:
        found = source.nested(field)
        if isinstance(found, Answered):
            return found.expression(self.rows(field.record, below))
        if not isinstance(found, tuple):
            return self._struct(field.record, below, found, lines)
        expression, inner = found
        build = self._name("part", self.function(field.record, below, inner, "row"))
        value = self._local(lines, expression)
        made = f"[{build}(each) for each in {value}]" if field.is_list else f"{build}({value})"
        return self._unless_null(field.nullable, value, made, lines)

    def _column(self, column: Column, expression: str, lines: list[str]) -> str:
        value = self._local(lines, expression)
        if column.is_list:
            made = f"[{self._checked(column.kind, 'each')} for each in {value}]"
            return self._unless_null(column.nullable, value, made, lines)
        return self._unless_null(column.nullable, value, self._checked(column.kind, value), lines)

    def _unless_null(self, nullable: bool, value: str, made: str, lines: list[str]) -> str:
        if nullable:
            return f"None if {value} is None else {made}"
        lines.append(f"if {value} is None: missing()")
        return made

    def _checked(self, kind: Any, value: str) -> str:
        """Expression of a value that is not null, as JSON has it."""
        if kind is int:
            test = f"{value}.__class__ is int and {_INT_MIN} <= {value} <= {_INT_MAX}"
            return f"({value} if {test} else as_int({value}))"
        if kind is float:
            # infinities and NaN less themselves are NaN
            test = f"{value}.__class__ is float and {value} - {value} == 0.0"
            return f"({value} if {test} else as_float({value}))"
        if kind is bool:
            return f"({value} if {value}.__class__ is bool else as_bool({value}))"
        if kind is str or kind is strawberry.ID:
            return f"({value} if {value}.__class__ is str else as_text({value}))"
        if kind is datetime:
            # JSON's writer has the same text of it, for less.
            test = f"{value}.__class__ is datetime and {value}.tzinfo is UTC"
            return f"({value} if {test} else write_instant({value}))"
        if kind is date:
            return f"as_day({value})"
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            names = {member.value: member.name.upper() for member in kind}
            return f"{self._name('names', names)}[{value}]"
        raise Deopt("kind")

    def _local(self, lines: list[str], expression: str) -> str:
        name = f"v{len(lines)}"
        lines.append(f"{name} = {expression}")
        return name

    def _name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}_{len(self._names)}"
        self._names[name] = value
        return name


def make_struct(name: str, keys: list[str]) -> type[msgspec.Struct]:
    """A struct whose fields are written under these keys, in this order."""
    fields = [(f"f{place}", Any) for place in range(len(keys))]
    names: Mapping[str, str] = {f"f{place}": key for place, key in enumerate(keys)}
    return msgspec.defstruct(name, fields, rename=names, gc=False)


def _as_int(value: Any) -> int:
    raise Deopt("integer")


def _as_float(value: Any) -> float:
    if value.__class__ is int:
        return float(value)
    raise Deopt("number")


def _as_text(value: Any) -> str:
    raise Deopt("text")


def _as_bool(value: Any) -> bool:
    raise Deopt("boolean")


def _as_day(value: Any) -> str:
    if value.__class__ is not date:
        raise Deopt("day")
    text: str = value.isoformat()
    return text


def _missing() -> None:
    raise Deopt("null")


def _failed() -> None:
    raise Deopt("error")
