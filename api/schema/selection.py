"""What a query asks for below a field, so that exactly that is read, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
)

from api.schema.fields import Info, core_info, variable_values


class Selection(dict[str, "Selection"]):
    """Fields below a field by GraphQL name: aliases and fragments merged, directives obeyed."""

    def at(self, *path: str) -> Selection:
        """What is asked for at the end of a path; empty where nothing is."""
        found = self
        for name in path:
            found = found.get(name, _NOTHING)
        return found

    def merged(self, other: Selection) -> Selection:
        """What either of two asks for."""
        union = Selection(self)
        for name, below in other.items():
            union[name] = union[name].merged(below) if name in union else below
        return union


_NOTHING = Selection()


def selection_of(info: Info, *, of_type: str | None = None) -> Selection:
    """What is asked for below the field that is being resolved.

    With `of_type`, fragments on other types at the first level are left out.
    """
    raw = core_info(info)
    found = Selection()
    collector = _Collector(raw, variable_values(raw))
    for node in raw.field_nodes:
        if node.selection_set:
            collector.collect(node.selection_set, found, of_type)
    return found


class _Collector:
    def __init__(self, info: GraphQLResolveInfo[Any], variables: Mapping[str, Any]) -> None:
        self._fragments = info.fragments
        self._variables = variables

    def collect(self, node: SelectionSetNode, into: Selection, of_type: str | None) -> None:
        for selection in node.selections:
            if not self._is_included(selection.directives or ()):
                continue
            if isinstance(selection, FieldNode):
                below = into.setdefault(selection.name.value, Selection())
                if selection.selection_set:
                    self.collect(selection.selection_set, below, None)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments[selection.name.value]
                if _applies(fragment.type_condition.name.value, of_type):
                    self.collect(fragment.selection_set, into, of_type)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or _applies(condition.name.value, of_type):
                    self.collect(selection.selection_set, into, of_type)

    def _is_included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            wanted = {"include": True, "skip": False}.get(directive.name.value)
            if wanted is not None and self._condition(directive) is not wanted:
                return False
        return True

    def _condition(self, directive: DirectiveNode) -> bool:
        value: Any = directive.arguments[0].value if directive.arguments else None
        if isinstance(value, VariableNode):
            return bool(self._variables.get(value.name.value))
        return bool(value.value)


def _applies(condition: str, of_type: str | None) -> bool:
    return of_type is None or condition in (of_type, "Node")
