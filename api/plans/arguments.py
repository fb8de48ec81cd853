"""Arguments and variables, coerced once where they are written in the document.

What is left for a request are variables; those of plain scalars that arrive as they must be are
taken as they are, all others go through the stock coercion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    NamedTypeNode,
    NonNullTypeNode,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    is_scalar_type,
    print_ast,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.utilities import coerce_input_literal

from api.schema.fields import argument_names, converted

Arguments = Callable[[VariableValues], Mapping[str, Any]]
"""A field's arguments for a request, as its resolver takes them."""

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_PLAIN: dict[str, Callable[[Any], bool]] = {
    "ID": lambda value: value.__class__ is str,
    "String": lambda value: value.__class__ is str,
    "Boolean": lambda value: value.__class__ is bool,
    "Int": lambda value: value.__class__ is int and _INT_MIN <= value <= _INT_MAX,
}


def compile_arguments(schema: GraphQLSchema, kind: GraphQLObjectType, node: FieldNode) -> Arguments:
    """What gives the arguments of a field."""
    name = node.name.value
    field = kind.fields[name]

    def stock(variables: VariableValues) -> Mapping[str, Any]:
        return converted(schema, kind, name, get_argument_values(field, node, variables))

    constant = {
        key: argument.default_value
        for key, argument in field.args.items()
        if argument.default_value is not Undefined
    }
    taken: dict[str, str] = {}
    for each in node.arguments or ():
        key, value = each.name.value, each.value
        constant.pop(key, None)
        if isinstance(value, VariableNode) and is_scalar_type(get_named_type(field.args[key].type)):
            taken[argument_names(kind, name)[key]] = value.name.value
        elif "$" not in print_ast(value):
            constant[key] = coerce_input_literal(value, field.args[key].type)
        else:
            return stock
    fixed = converted(schema, kind, name, constant)

    def arguments(variables: VariableValues) -> Mapping[str, Any]:
        found = dict(fixed)
        for key, variable in taken.items():
            value = variables.coerced.get(variable)
            if value is None:
                return stock(variables)
            found[key] = value
        return found

    return arguments


def plain_variables(
    definitions: Sequence[VariableDefinitionNode], given: Mapping[str, Any]
) -> VariableValues | None:
    """The variables as they were given, if that is what coercion would make of them.

    None: only the stock coercion can tell.
    """
    found: dict[str, Any] = {}
    for definition in definitions:
        name, kind = definition.variable.name.value, definition.type
        inner = kind.type if isinstance(kind, NonNullTypeNode) else None
        if not isinstance(inner, NamedTypeNode) or name not in given:
            return None
        test = _PLAIN.get(inner.name.value)
        if test is None or not test(given[name]):
            return None
        found[name] = given[name]
    return VariableValues({}, found)
