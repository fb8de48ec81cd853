"""Strawberry types out of records, resolvers and inputs: the only file that knows its internals."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import keyword
import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import strawberry
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType

from api.schema.records import Column, Nested, Record, camel
from api.types.scalars import DATE, DATE_TIME

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

    id: strawberry.ID = strawberry.field(description="Global id; opaque.")

    @classmethod
    def resolve_type(cls, value: Any, *_: Any) -> str:
        """The GraphQL type of a source."""
        return "Student" if isinstance(value, Mapping) else "Course"


class TypeMaker:
    """Makes the types of one schema; a record or enum that comes again gives the same type."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[Record, type]] = {}
        self._enums: dict[type[enum.Enum], type[enum.Enum]] = {}
        self._objects: dict[str, type] = {}

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

    @property
    def records(self) -> dict[str, Record]:
        """The records of the types without resolvers, by type name."""
        return {name: record for name, (record, _) in self._records.items()}

    def plain_fields(self, record: Record) -> list[StrawberryField]:
        """A record's fields, for a type that has fields with resolvers beside them."""
        return [self._plain(field) for field in record.fields]

    def enum(
        self, enum_type: type[enum.Enum], described: Mapping[str, str] | None = None
    ) -> type[enum.Enum]:
        """A GraphQL enum of UPPER_CASE names whose values are those of `enum_type`.

        `described` has prose by member; without it the section `Attributes:` of the docstring.
        """
        if enum_type not in self._enums:
            prose = _members(enum_type) if described is None else described
            members = [
                (
                    member.name.upper(),
                    strawberry.enum_value(member.value, description=prose.get(member.name)),
                )
                for member in enum_type
            ]
            fresh = enum.Enum(enum_type.__name__, members)  # type: ignore[misc]
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
        made = self._objects[name] = strawberry.type(new, name=name, description=description)
        return made

    def input(
        self,
        name: str,
        fields: Mapping[str, Argument],
        *,
        description: str,
        required: Mapping[str, Argument] = types.MappingProxyType({}),
    ) -> type:
        """An input of these fields, by snake_case name; without `required` ones it may be empty."""
        namespace: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
        for field_name, argument in required.items():
            namespace["__annotations__"][_python(field_name)] = argument.kind
            namespace[_python(field_name)] = strawberry.field(
                name=camel(field_name), description=argument.description
            )
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
            name = field.record.name
            kind: Any = (
                _Later(name, self._objects) if field.is_linked else self.record(field.record)
            )
        elif isinstance(field.kind, type) and issubclass(field.kind, enum.Enum):
            kind = self.enum(field.kind)
        else:
            kind = field.kind
        if field.is_list:
            kind = list[kind]
        kind = kind | None if field.nullable else kind
        return plain(field.name, kind, field.description, deprecated=field.deprecated)


class _Later(LazyType[Any, Any]):
    """A type by name that is made after what refers to it: types may refer to each other."""

    made: Mapping[str, type]

    def __init__(self, name: str, made: Mapping[str, type]) -> None:
        super().__init__(name, __name__)
        object.__setattr__(self, "made", made)

    def resolve_type(self) -> type[Any]:
        """The type."""
        return self.made[self.type_name]


def plain(
    name: str, kind: Any, description: str, *, deprecated: str | None = None
) -> StrawberryField:
    """A field without resolver: what the source has under its name."""
    made: StrawberryField = strawberry.field(
        name=camel(name), description=description or None, deprecation_reason=deprecated
    )
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
    deprecated: str | None = None,
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
    resolver = _running(function) if inspect.iscoroutinefunction(function) else function
    made = strawberry.field(
        resolver, name=camel(name), description=description, deprecation_reason=deprecated
    )
    made.python_name = name
    return made


def build_schema(
    query: type,
    *,
    mutation: type | None = None,
    subscription: type | None = None,
    extra_types: Sequence[type],
) -> strawberry.Schema:
    """The schema of its roots and of types that no field leads to."""
    config = StrawberryConfig(
        default_resolver=read_value,
        scalar_map={date: DATE, datetime: DATE_TIME},
    )
    return strawberry.Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=extra_types,
        config=config,
    )


def strawberry_schema(schema: GraphQLSchema) -> strawberry.Schema:
    """The schema that `core_schema` was given."""
    core: Any = schema
    known: strawberry.Schema = core._strawberry_schema
    return known


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """What graphql-core validates against and executes."""
    return schema._schema


def has_resolver(kind: GraphQLObjectType, name: str) -> bool:
    """Whether a field of a type is more than what its source has under a name."""
    return _fields(kind)[name].base_resolver is not None


def python_name(kind: GraphQLObjectType, name: str) -> str:
    """The name under which a source has a field."""
    return _fields(kind)[name].python_name


def converted(
    schema: GraphQLSchema, kind: GraphQLObjectType, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Arguments of a field as its resolver takes them."""
    known = strawberry_schema(schema)
    return convert_arguments(
        arguments,
        _fields(kind)[name].arguments,
        scalar_registry=known.schema_converter.scalar_registry,
        config=known.config,
    )


def argument_names(kind: GraphQLObjectType, name: str) -> dict[str, str]:
    """Names of a field's arguments as its resolver has them, by their GraphQL names."""
    names = (argument.python_name for argument in _fields(kind)[name].arguments)
    return {camel(each): each for each in names}


def _fields(kind: GraphQLObjectType) -> dict[str, StrawberryField]:
    definition = kind.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return {camel(field.python_name.rstrip("_")): field for field in definition.fields}


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


def _running(resolve: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The resolver, asked once for each place of a request.

    The request's live questions know of it while it runs.
    """

    @functools.wraps(resolve)
    async def run(*, info: Info, **arguments: Any) -> Any:
        with info.context.live.running():
            kept = info.context.kept(core_info(info).path)
            if kept is None:
                return await resolve(info=info, **arguments)
            if isinstance(kept[0], Exception):
                raise kept[0]
            return kept[0]

    return run


def read_value(source: Any, name: str) -> Any:
    """A field without resolver: what a row or object has under its Python name."""
    if isinstance(source, Mapping):
        return source[name[:-1] if name.endswith("_") else name]
    return getattr(source, name)


def _python(name: str) -> str:
    """A name that dataclasses accept; `read_value` takes the underscore off."""
    return name + "_" if keyword.iskeyword(name) else name


def _summary(enum_type: type[enum.Enum]) -> str | None:
    return inspect.cleandoc(enum_type.__doc__ or "").split("\n\n")[0] or None


def _members(enum_type: type[enum.Enum]) -> dict[str, str]:
    """What a docstring in Google's style says of an enum's members."""
    _, _, section = inspect.cleandoc(enum_type.__doc__ or "").partition("\nAttributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.split("\n\n")[0].splitlines():
        text = line.strip()
        if line.startswith("     "):
            found[name] += f" {text}"
        else:
            name, _, prose = text.partition(": ")
            found[name] = prose
    return {name: f"{text[:1].upper()}{text[1:]}" for name, text in found.items()}
