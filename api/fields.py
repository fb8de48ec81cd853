"""Strawberry types out of records, resolvers and inputs: the only file that knows its internals."""

from __future__ import annotations

import dataclasses
import enum
import keyword
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

import strawberry
from graphql import GraphQLResolveInfo, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from api.records import Column, Nested, Record, camel
from api.types.scalars import DATE_TIME

Info = strawberry.Info
UNSET = strawberry.UNSET
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument or input field: its type and prose. Without `default` an argument's is Python's.

    `default` is used by inputs only; `None` there means "may be left out".
    """

    kind: Any
    description: str
    default: Any = None


@strawberry.interface(description="Whatever can be fetched again by its global id.")
class Node:
    """What `Query.node` gives; sources that are rows are students."""

    id: strawberry.ID

    @classmethod
    def resolve_type(cls, value: Any, *_: Any) -> str:
        """The GraphQL type of a source."""
        return "Student" if isinstance(value, Mapping) else "Course"


class TypeMaker:
    """Makes the types of one schema; a record or enum that comes again gives the same type."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[Record, type]] = {}
        self._enums: dict[type[enum.Enum], type[enum.Enum]] = {}

    def record(self, record: Record) -> type:
        """The type of a record, fields read from rows."""
        made = self._records.get(record.name)
        if made is not None:
            if made[0] != record:
                raise ValueError(f"two records are named {record.name}")
            return made[1]
        new = self.object(
            record.name,
            self.plain_fields(record),
            description=record.description,
            is_node=record.is_node,
        )
        self._records[record.name] = (record, new)
        return new

    def plain_fields(self, record: Record) -> list[StrawberryField]:
        """A record's fields, for a type that has fields with resolvers beside them."""
        return [self._plain(field) for field in record.fields]

    def enum(self, enum_type: type[enum.Enum], *, name: str | None = None) -> type[enum.Enum]:
        """A GraphQL enum of UPPER_CASE names whose values are those of `enum_type`."""
        if enum_type not in self._enums:
            members = [(member.name.upper(), member.value) for member in enum_type]
            fresh = enum.Enum(name or enum_type.__name__, members)  # type: ignore[misc]
            strawberry.enum(fresh, description=_summary(enum_type))
            self._enums[enum_type] = fresh
        return self._enums[enum_type]

    def object(
        self,
        name: str,
        fields: Sequence[StrawberryField],
        *,
        description: str,
        is_node: bool = False,
    ) -> type:
        """A type of these fields."""
        namespace: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
        for field in fields:
            if is_node and field.python_name == "id":
                continue  # the interface has it
            namespace[field.python_name] = field
            if field.base_resolver is None:
                namespace["__annotations__"][field.python_name] = field.metadata["type"]
        if is_node:
            namespace["is_type_of"] = classmethod(lambda *_: True)
        bases = (Node,) if is_node else ()
        new = types.new_class(name, bases, {}, lambda body: body.update(namespace))
        return strawberry.type(new, name=name, description=description)

    def input(self, name: str, fields: Mapping[str, Argument], *, description: str) -> type:
        """An input of these fields, by snake_case name."""
        namespace: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
        for field_name, argument in fields.items():
            python_name = _python(field_name)
            kind = argument.kind if argument.default is not None else argument.kind | None
            namespace["__annotations__"][python_name] = kind
            namespace[python_name] = strawberry.field(
                name=camel(field_name),
                description=argument.description,
                default=UNSET if argument.default is None else argument.default,
            )
        new = types.new_class(name, (), {}, lambda body: body.update(namespace))
        return strawberry.input(new, name=name, description=description)

    def _plain(self, field: Column | Nested) -> StrawberryField:
        if isinstance(field, Nested):
            kind: Any = self.record(field.record)
        elif isinstance(field.kind, type) and issubclass(field.kind, enum.Enum):
            kind = self.enum(field.kind)
        else:
            kind = field.kind
        if field.is_list:
            kind = list[kind]
        return plain(field.name, kind | None if field.nullable else kind, field.description)


def plain(name: str, kind: Any, description: str) -> StrawberryField:
    """A field without resolver: what the source has under its name."""
    made: StrawberryField = strawberry.field(name=camel(name), description=description or None)
    made.python_name = _python(name)
    made.metadata = types.MappingProxyType({"type": kind})
    return made


def resolved(
    name: str,
    resolve: Callable[..., Any],
    returns: Any,
    *,
    description: str,
    arguments: Mapping[str, Argument] | None = None,
) -> StrawberryField:
    """A field with a resolver.

    `resolve` takes `root`, `info` and the arguments by name, with their defaults; the schema's
    types come from here, since those of a registry are not known when the module is written. What
    is left out and has the default None comes as unset: read it with `given`.
    """
    function = types.FunctionType(
        resolve.__code__,
        resolve.__globals__,
        resolve.__name__,
        tuple(UNSET if default is None else default for default in resolve.__defaults__ or ()),
        resolve.__closure__,
    )
    function.__annotations__ = {"root": Any, "info": Info, "return": returns}
    for argument_name, argument in (arguments or {}).items():
        function.__annotations__[argument_name] = Annotated[
            argument.kind, strawberry.argument(description=argument.description)
        ]
    made = strawberry.field(function, name=camel(name), description=description)
    made.python_name = name
    return made


def build_schema(query: type, *, extra_types: Sequence[type]) -> strawberry.Schema:
    """The schema of a query type and types that no field leads to."""
    config = StrawberryConfig(
        default_resolver=_read,
        scalar_map={datetime: DATE_TIME},
    )
    return strawberry.Schema(query=query, types=extra_types, config=config)


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """What graphql-core validates against and executes."""
    return schema._schema


def core_info(info: Info) -> GraphQLResolveInfo[Any]:
    """What graphql-core knows about the field that is being resolved."""
    return info._raw_info


def variable_values(info: GraphQLResolveInfo[Any]) -> Mapping[str, Any]:
    """The operation's variables, coerced."""
    values: Any = info.variable_values
    coerced: Mapping[str, Any] = getattr(values, "coerced", values)
    return coerced


def input_values(value: Any) -> dict[str, Any]:
    """Fields of an input that were given, by snake_case name."""
    found = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {
        name.rstrip("_"): item
        for name, item in found.items()
        if item is not None and item is not UNSET
    }


def given(value: T) -> T | None:
    """An argument's value; None where it was left out."""
    return None if value is UNSET else value


def _read(source: Any, name: str) -> Any:
    if isinstance(source, Mapping):
        return source[name[:-1] if name.endswith("_") else name]
    return getattr(source, name)


def _python(name: str) -> str:
    """A name that dataclasses accept; `_read` takes the underscore off."""
    return name + "_" if keyword.iskeyword(name) else name


def _summary(enum_type: type[enum.Enum]) -> str | None:
    text = (enum_type.__doc__ or "").strip()
    return text.split("\n\n")[0] or None
