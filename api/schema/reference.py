"""The schema as a page for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    Undefined,
    get_named_type,
    is_specified_scalar_type,
    print_ast,
)
from graphql.utilities import ast_from_value


def schema_page(schema: GraphQLSchema) -> Iterator[str]:
    """Lines of the page: what can be asked, every type by name, inputs, enums and scalars."""
    roots = [
        root
        for root in (schema.query_type, schema.mutation_type, schema.subscription_type)
        if root is not None
    ]
    kinds = [
        kind
        for name, kind in sorted(schema.type_map.items())
        if kind not in roots and not name.startswith("__")
    ]
    yield "# The schema\n"
    yield "Generated from the schema of what this distribution ships; an installation's own is at"
    yield "`/schema.graphql`. [How to ask](graphql.md) tells what holds for all of it. A type with"
    yield "`!` is never null.\n"
    for root in roots:
        yield from _object(root)
    groups: dict[str, tuple[type, ...]] = {
        "Types": (GraphQLObjectType, GraphQLInterfaceType),
        "Inputs": (GraphQLInputObjectType,),
        "Enums": (GraphQLEnumType,),
        "Scalars": (GraphQLScalarType,),
    }
    for title, wanted in groups.items():
        yield f"## {title}\n"
        for kind in kinds:
            if isinstance(kind, wanted) and not is_specified_scalar_type(kind):
                yield from _described(kind)


def _described(kind: GraphQLNamedType) -> Iterator[str]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        yield from _object(kind, level="###")
    elif isinstance(kind, GraphQLInputObjectType):
        yield from _head(kind, "###")
        yield from _inputs("field", kind.fields)
    elif isinstance(kind, GraphQLEnumType):
        yield from _head(kind, "###")
        yield "| value | meaning |"
        yield "|---|---|"
        for name, value in kind.values.items():
            yield f"| `{name}` | {_prose(value.description, value.deprecation_reason)} |"
        yield ""
    else:
        yield from _head(kind, "###")


def _object(kind: GraphQLObjectType | GraphQLInterfaceType, level: str = "##") -> Iterator[str]:
    yield from _head(kind, level)
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    for name, field in kind.fields.items():
        prose = _prose(field.description, field.deprecation_reason)
        yield f"| `{name}{'(…)' if field.args else ''}` | {_linked(field.type)} | {prose} |"
    yield ""
    for name, field in kind.fields.items():
        if field.args:
            yield from _arguments(kind, name, field)


def _arguments(
    kind: GraphQLObjectType | GraphQLInterfaceType, name: str, field: GraphQLField
) -> Iterator[str]:
    yield f"Arguments of `{kind.name}.{name}`:\n"
    yield from _inputs("argument", field.args)


def _inputs(what: str, inputs: Mapping[str, GraphQLArgument | GraphQLInputField]) -> Iterator[str]:
    yield f"| {what} | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, one in inputs.items():
        prose = _prose(one.description, one.deprecation_reason)
        yield f"| `{name}` | {_linked(one.type)} | {_default(one)} | {prose} |"
    yield ""


def _default(one: GraphQLArgument | GraphQLInputField) -> str:
    if one.default_value is Undefined:
        return ""
    written = ast_from_value(one.default_value, one.type)
    return "" if written is None else f"`{print_ast(written)}`"


def _head(kind: GraphQLNamedType, level: str) -> Iterator[str]:
    yield f"{level} {kind.name}\n"
    yield f"{_prose(kind.description, None)}\n"


def _linked(kind: GraphQLOutputType | GraphQLType) -> str:
    named = get_named_type(kind)
    if is_specified_scalar_type(named):
        return f"`{kind}`"
    return f"[`{kind}`](#{named.name.lower()})"


def _prose(description: str | None, deprecated: str | None) -> str:
    text = " ".join((description or "").split()).replace("|", "\\|")
    return f"**Deprecated**: {deprecated} {text}" if deprecated else text
