"""Counting what an operation asks for: rows, and statements, before any of it runs.

What depends on variables (page sizes, `@include`, `@skip`) stays open as factors.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from api.schema.fields import has_resolver

_PAGE_ARGUMENTS = ("first", "bins", "groups")
_MOST = 1_000_000

Size = int | tuple[str, int]
"""Length of a list: known, or a variable and its default."""
Condition = tuple[str, bool, bool]
"""A Boolean variable, what it must be, and its default."""
Factors = tuple[tuple[tuple[str, int], ...], tuple[Condition, ...]]
"""Variables that multiply a price, and conditions without which there is none."""


class Points(Protocol):
    """What the parts of a schema cost."""

    def kind(self, name: str) -> GraphQLObjectType | GraphQLInterfaceType | None:
        """The type of this name, if it has fields."""
        ...

    def length(self, owner: str, name: str) -> int:
        """Assumed length of a list without page size."""
        ...

    def of_row(self, owner: GraphQLObjectType | GraphQLInterfaceType, name: str) -> int:
        """Points of a field of one object."""
        ...

    def of_reading(self, owner: GraphQLObjectType, name: str, arguments: Iterable[str]) -> int:
        """Points of what a field reads, however many rows that gives."""
        ...

    def of_live(self, owner: GraphQLObjectType, name: str) -> int:
        """Points of what a field asks the platform's databases about one course."""
        ...

    def of_group(self, owner: str, name: str) -> int:
        """Points of each group that a field is given; 0 where it is given none."""
        ...

    def is_of_courses(self, owner: str, name: str) -> bool:
        """Whether each row of a field's list is of another course."""
        ...


@dataclass(frozen=True, slots=True)
class Price:
    """Points of one operation, by what they are multiplied with."""

    terms: Mapping[Factors, int]
    conditions: tuple[str, ...]

    def of(self, variables: Mapping[str, Any]) -> int:
        """Points with these variables, as they came from the client."""
        total = 0
        for (pages, conditions), points in self.terms.items():
            if conditions and not all(
                bool(variables.get(name, default)) is wanted for name, wanted, default in conditions
            ):
                continue
            for page in pages:
                points *= _page(variables, page)
            total += points
        return total


class Counting:
    """Walks one operation as the executor does, merging fields of one response key."""

    def __init__(
        self, points: Points, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._points = points
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self.terms: Counter[Factors] = Counter()
        self.conditions: set[str] = set()

    def count(
        self,
        owner: GraphQLObjectType | GraphQLInterfaceType,
        selections: list[tuple[SelectionSetNode, tuple[Condition, ...]]],
        rows: Times,
        reads: Times,
        courses: Times,
        page: Size | None = None,
        *,
        is_of_courses: bool = False,
    ) -> None:
        """Count selections on one type.

        Args:
            owner: the type.
            selections: with the conditions under which they apply.
            rows: how many objects they are applied to.
            reads: how often statements below are sent: once for all rows of a list that a
                resolver reads.
            courses: of how many courses these rows are, for what is asked of each.
            page: page size of the connection that the type is.
            is_of_courses: each row of that page is of another course.
        """
        merged: dict[tuple[str, str], list[tuple[FieldNode, tuple[Condition, ...]]]] = {}
        owners: dict[str, GraphQLObjectType | GraphQLInterfaceType] = {}
        self._collect(owner, selections, merged, owners)
        for (type_name, _), nodes in merged.items():
            node = nodes[0][0]
            name = node.name.value
            own = owners[type_name]
            # A resolver runs for each row that it is asked of; what it reads is read at once.
            is_read = name in own.fields and _is_resolved(own, name)
            sent = rows if is_read else reads
            asked = rows if is_read else courses
            field = own.fields.get(name)
            size = self._page_of(node, field) if field else None
            under = {conditions for _, conditions in nodes}
            for conditions in [()] if () in under else under:
                times = (each.given(conditions) for each in (rows, sent, asked))
                self._count_field(own, node, *times)
                groups = sent.given(conditions).times(1 if size is None else size)
                self._add(groups, self._points.of_group(type_name, name))
            below = [(one.selection_set, conditions) for one, conditions in nodes
                     if one.selection_set]  # fmt: skip
            kind = self._points.kind(get_named_type(field.type).name) if field else None
            if field is None or kind is None or not below:
                continue
            if is_list_type(get_nullable_type(field.type)):
                length = size or page or self._points.length(type_name, name)
                each = rows.times(length)
                self.count(kind, below, each, sent, each if is_of_courses else asked)
            else:
                several = self._points.is_of_courses(type_name, name)
                self.count(kind, below, rows, sent, asked, size, is_of_courses=several)

    def _count_field(
        self,
        owner: GraphQLObjectType | GraphQLInterfaceType,
        node: FieldNode,
        rows: Times,
        reads: Times,
        courses: Times,
    ) -> None:
        name = node.name.value
        self._add(rows, self._points.of_row(owner, name))
        if isinstance(owner, GraphQLObjectType) and not name.startswith("__"):
            arguments = [argument.name.value for argument in node.arguments or ()]
            self._add(reads, self._points.of_reading(owner, name, arguments))
            self._add(courses, self._points.of_live(owner, name))

    def _collect(
        self,
        owner: GraphQLObjectType | GraphQLInterfaceType,
        selections: list[tuple[SelectionSetNode, tuple[Condition, ...]]],
        merged: dict[tuple[str, str], list[tuple[FieldNode, tuple[Condition, ...]]]],
        owners: dict[str, GraphQLObjectType | GraphQLInterfaceType],
    ) -> None:
        spreads: set[tuple[str, tuple[Condition, ...]]] = set()
        pending = [(owner, *selection) for selection in reversed(selections)]
        while pending:
            kind, selection_set, outer = pending.pop()
            owners[kind.name] = kind
            for node in selection_set.selections:
                own = self._conditions(node)
                if own is None:
                    continue
                conditions = tuple(sorted({*outer, *own}))
                if isinstance(node, FieldNode):
                    key = (kind.name, (node.alias or node.name).value)
                    merged.setdefault(key, []).append((node, conditions))
                    continue
                fragment: FragmentDefinitionNode | InlineFragmentNode
                if isinstance(node, FragmentSpreadNode):
                    if (node.name.value, conditions) in spreads:
                        continue
                    spreads.add((node.name.value, conditions))
                    fragment = self._fragments[node.name.value]
                else:
                    assert isinstance(node, InlineFragmentNode)  # noqa: S101 - there is no other
                    fragment = node
                on = fragment.type_condition
                narrowed = self._points.kind(on.name.value) if on else None
                # A fragment on an interface applies to whatever the object is.
                inner = narrowed if isinstance(narrowed, GraphQLObjectType) else kind
                pending.append((inner, fragment.selection_set, conditions))

    def _conditions(self, node: SelectionNode) -> tuple[Condition, ...] | None:
        """Under which variables a node counts; None: never."""
        found: list[Condition] = []
        for directive in node.directives or ():
            wanted = {"include": True, "skip": False}.get(directive.name.value)
            if wanted is None:
                continue
            value = _argument(directive, "if")
            if isinstance(value, VariableNode):
                default = self._defaults.get(value.name.value)
                is_true = isinstance(default, BooleanValueNode) and default.value
                self.conditions.add(value.name.value)
                found.append((value.name.value, wanted, is_true))
            elif isinstance(value, BooleanValueNode) and value.value is not wanted:
                return None
        return tuple(found)

    def _page_of(self, node: FieldNode, field: GraphQLField) -> Size | None:
        """The page size that a field is given, or has by default."""
        for name in _PAGE_ARGUMENTS:
            declared = field.args.get(name)
            if declared is None:
                continue
            value = _argument(node, name)
            default = declared.default_value if isinstance(declared.default_value, int) else 0
            if isinstance(value, VariableNode):
                given = self._defaults.get(value.name.value)
                return value.name.value, _size(given, default)
            return _size(value, default)
        return None

    def _add(self, times: Times, points: int) -> None:
        if points and times.number:
            self.terms[times.pages, times.conditions] += points * times.number


@dataclass(frozen=True, slots=True)
class Times:
    """How often something happens: a number, times variables, under conditions."""

    number: int = 1
    pages: tuple[tuple[str, int], ...] = ()
    conditions: tuple[Condition, ...] = ()

    def times(self, size: Size) -> Times:
        """So often for each of a list's items."""
        if isinstance(size, int):
            return Times(self.number * size, self.pages, self.conditions)
        return Times(self.number, tuple(sorted((*self.pages, size))), self.conditions)

    def given(self, conditions: tuple[Condition, ...]) -> Times:
        """Only under further conditions."""
        if not conditions:
            return self
        return Times(self.number, self.pages, tuple(sorted({*self.conditions, *conditions})))


ONCE = Times()


def _is_resolved(owner: GraphQLObjectType | GraphQLInterfaceType, name: str) -> bool:
    return isinstance(owner, GraphQLObjectType) and has_resolver(owner, name)


def _argument(node: FieldNode | DirectiveNode, name: str) -> Any:
    for argument in node.arguments or ():
        if argument.name.value == name:
            return argument.value
    return None


def _size(value: ValueNode | None, default: int) -> int:
    """A page size that is written in the document, or the length of a list that is."""
    if isinstance(value, ListValueNode):
        return len(value.values)
    if isinstance(value, ObjectValueNode):
        return 1
    return _clip(int(value.value)) if isinstance(value, IntValueNode) else default


def _page(variables: Mapping[str, Any], page: tuple[str, int]) -> int:
    """A page size or length of a list as the executor will coerce it; it refuses anything else."""
    name, default = page
    value = variables.get(name, default)
    if isinstance(value, dict):
        return 1
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return len(value)
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return _clip(int(value)) if is_number else default


def _clip(size: int) -> int:
    return max(0, min(size, _MOST))
