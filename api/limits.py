"""How large a question may be: checked before the stock validation, which is not linear.

Fragments are counted as often as they are used, without walking them as often: each is measured
once, so that a chain of fragments that doubles at every link costs nothing to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
)

from courselens.errors import LimitExceeded, QueryError


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that are answered; beyond them a question is refused before any of it runs."""

    body_bytes: int = 65_536
    tokens: int = 1_000
    depth: int = 10
    aliases: int = 30
    directives: int = 20
    operations: int = 8
    list_items: int = 250
    variable_depth: int = 16
    deadline_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class _Size:
    depth: int = 0
    aliases: int = 0
    directives: int = 0


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Refuse a document that is too large.

    Raises:
        LimitExceeded: which limit, what was found and what is allowed.
    """
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    _check("operations", len(operations), limits.operations)
    for node in _walk(document):
        if isinstance(node, ListValueNode):
            _check("items of a list", len(node.values), limits.list_items)
        elif isinstance(node, StringValueNode):
            _check_text(node.value)
    measure = _Measure(document)
    for operation in operations:
        size = measure.of(operation.selection_set, len(operation.directives or ()))
        _check("depth", size.depth, limits.depth)
        _check("aliases", size.aliases, limits.aliases)
        _check("directives", size.directives, limits.directives)


def check_variables(variables: Any, limits: Limits) -> None:
    """Refuse variables that are too deep or hold lists that are too long.

    Raises:
        LimitExceeded: which limit, what was found and what is allowed.
        QueryError: a text holds a zero character, which no database takes.
    """
    pending: list[tuple[Any, int]] = [(variables, 0)]
    while pending:
        value, depth = pending.pop()
        _check("depth of variables", depth, limits.variable_depth)
        if isinstance(value, dict):
            pending.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            _check("items of a list", len(value), limits.list_items)
            pending.extend((item, depth + 1) for item in value)
        elif isinstance(value, str):
            _check_text(value)


class _Measure:
    """Sizes of selections; fragments by name, each once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._sizes: dict[str, _Size] = {}

    def of(self, selections: SelectionSetNode | None, directives: int) -> _Size:
        """Depth, and aliases and directives with fragments as often as they are spread."""
        depth = aliases = 0
        for node in selections.selections if selections else ():
            own = len(node.directives or ())
            if isinstance(node, FieldNode):
                below = self.of(node.selection_set, own)
                # The schema's own description nests deeply by nature and ends by itself.
                is_meta = node.name.value.startswith("__")
                depth = max(depth, 0 if is_meta else 1 + below.depth)
                aliases += below.aliases + (node.alias is not None)
            elif isinstance(node, InlineFragmentNode):
                below = self.of(node.selection_set, own)
                depth, aliases = max(depth, below.depth), aliases + below.aliases
            elif isinstance(node, FragmentSpreadNode):
                spread = self._fragment(node.name.value)
                below = _Size(spread.depth, spread.aliases, spread.directives + own)
                depth, aliases = max(depth, below.depth), aliases + below.aliases
            directives += below.directives
        return _Size(depth, aliases, directives)

    def _fragment(self, name: str) -> _Size:
        if name not in self._sizes:
            self._sizes[name] = _Size()  # a cycle counts nothing here; validation refuses it
            fragment = self._fragments.get(name)
            if fragment:
                own = len(fragment.directives or ())
                self._sizes[name] = self.of(fragment.selection_set, own)
        return self._sizes[name]


def _walk(node: Node) -> Iterator[Node]:
    pending: list[Node] = [node]
    while pending:
        node = pending.pop()
        yield node
        for key in node.keys:
            value = getattr(node, key, None)
            if isinstance(value, Node):
                pending.append(value)
            elif isinstance(value, list | tuple):
                pending.extend(item for item in value if isinstance(item, Node))


def _check(what: str, found: int, allowed: int) -> None:
    if found > allowed:
        raise LimitExceeded(what, found, allowed)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise QueryError("a text holds a zero character")
