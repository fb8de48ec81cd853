"""What a new schema means for clients of an older one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    GraphQLNamedType,
    GraphQLSchema,
    Node,
    TypeDefinitionNode,
    Visitor,
    build_ast_schema,
    get_named_type,
    parse,
    visit,
)
from graphql.utilities import (
    BreakingChangeType,
    find_breaking_changes,
    find_dangerous_changes,
)

_REMOVALS = frozenset(
    {
        BreakingChangeType.TYPE_REMOVED,
        BreakingChangeType.FIELD_REMOVED,
        BreakingChangeType.ARG_REMOVED,
        BreakingChangeType.VALUE_REMOVED_FROM_ENUM,
    }
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Differences in words, sorted.

    Attributes:
        breaking: documents that were valid may fail. Taking away what was deprecated is none.
        dangerous: documents stay valid, and clients that know the old schema alone may stumble.
    """

    breaking: tuple[str, ...]
    dangerous: tuple[str, ...]


def find_changes(old: str, new: str) -> Changes:
    """Compare two schemas in the schema definition language.

    Raises:
        GraphQLSyntaxError: one of them is no schema.
    """
    before, later = _built(parse(old)), _built(parse(new))
    promised = _built(_without_deprecated(parse(old)))
    breaking = [one for one in find_breaking_changes(before, later) if one.type not in _REMOVALS]
    breaking += find_breaking_changes(promised, later)
    return Changes(
        tuple(sorted({one.description for one in breaking})),
        tuple(sorted(one.description for one in find_dangerous_changes(before, later))),
    )


def _built(document: DocumentNode) -> GraphQLSchema:
    return build_ast_schema(document, assume_valid=True)


def _without_deprecated(document: DocumentNode) -> DocumentNode:
    """The definitions without what is deprecated, and types that only that leads to."""
    kept: DocumentNode = visit(document, _Deprecated())
    gone = _reached(_built(document)) - _reached(_built(kept))
    definitions = tuple(
        node
        for node in kept.definitions
        if not (isinstance(node, TypeDefinitionNode) and node.name.value in gone)
    )
    return DocumentNode(definitions=definitions)


class _Deprecated(Visitor):
    """Takes every field, argument and value out that carries `@deprecated`."""

    def enter(self, node: Node, *_: Any) -> Any:
        directives: tuple[DirectiveNode, ...] = getattr(node, "directives", None) or ()
        if any(directive.name.value == "deprecated" for directive in directives):
            return REMOVE
        return None


def _reached(schema: GraphQLSchema) -> set[str]:
    """Types that a question can lead to."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    pending: list[GraphQLNamedType] = [root for root in roots if root is not None]
    found: set[str] = set()
    while pending:
        kind: Any = pending.pop()
        if kind.name in found:
            continue
        found.add(kind.name)
        pending += getattr(kind, "interfaces", ())
        pending += getattr(kind, "types", ())
        for field in getattr(kind, "fields", {}).values():
            pending.append(get_named_type(field.type))
            pending += [get_named_type(one.type) for one in getattr(field, "args", {}).values()]
    return found
