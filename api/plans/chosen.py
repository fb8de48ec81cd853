"""Which fields a selection asks for of one type, in the order of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
)

Conditions = Mapping[str, bool]
"""Values of the Boolean variables that `@include` and `@skip` name."""

_DIRECTIVES = {"include": True, "skip": False}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One field of an answer: its key there, its name in the schema, and where it is asked for.

    Fields that are merged have several nodes.
    """

    key: str
    nodes: tuple[FieldNode, ...]

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.nodes[0].name.value

    @property
    def below(self) -> tuple[SelectionSetNode, ...]:
        """What is asked for below it."""
        return tuple(node.selection_set for node in self.nodes if node.selection_set)


class Choice:
    """Reads selections of one operation under given conditions, as GraphQL has it.

    Args:
        fragments: of the document, by name.
        conditions: see `Conditions`; a plan made with others is another plan.
    """

    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], conditions: Conditions
    ) -> None:
        self._fragments = fragments
        self._conditions = conditions

    def of(self, selections: Iterable[SelectionSetNode], types: frozenset[str]) -> list[Chosen]:
        """The fields, each once, in the order of their first appearance.

        Args:
            selections: of every node of the field above.
            types: names of the type and of its interfaces.
        """
        found: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection in selections:
            self._collect(selection, types, found, seen)
        return [Chosen(key, tuple(nodes)) for key, nodes in found.items()]

    def _collect(
        self,
        selections: SelectionSetNode,
        types: frozenset[str],
        found: dict[str, list[FieldNode]],
        seen: set[str],
    ) -> None:
        for node in selections.selections:
            if not self._is_included(node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or condition.name.value in types:
                    self._collect(node.selection_set, types, found, seen)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self._fragments[name]
                if name not in seen and fragment.type_condition.name.value in types:
                    seen.add(name)
                    self._collect(fragment.selection_set, types, found, seen)

    def _is_included(self, directives: Iterable[DirectiveNode]) -> bool:
        return all(
            self._condition(directive) is _DIRECTIVES[directive.name.value]
            for directive in directives
            if directive.name.value in _DIRECTIVES
        )

    def _condition(self, directive: DirectiveNode) -> bool:
        value: Any = directive.arguments[0].value if directive.arguments else None
        if isinstance(value, VariableNode):
            return self._conditions[value.name.value]
        return bool(value.value)
