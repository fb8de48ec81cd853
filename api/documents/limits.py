"""How large a question may be: checked before the stock validation, which is not linear.

Fragments are counted as often as they are used, without walking them as often: each is measured
once, so that a chain of fragments that doubles at every link costs nothing to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
)

from courselens.errors import LimitExceeded, QueryError

REGISTERED_PAGE = 1_000
"""Greatest `first` in a registered document."""

REGISTERED_FACTOR = 4
"""How much larger a registered document may be: somebody has looked at it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that are answered; beyond them a question is refused before any of it runs.

    Attributes:
        names: words that are no name of the schema: those of aliases, variables and fragments, and
            mistakes.
        fields: of an operation, with fragments as often as they are spread.
        equal_keys: fields of one response key that have to be merged; comparing them is what makes
            the stock validation quadratic (145 equal fields take 160 ms, 32 take 4 ms).
        page: greatest `first`.
        cost: points of one question (`api.documents.cost`).
    """

    body_bytes: int = 65_536
    tokens: int = 1_000
    names: int = 200
    fields: int = 2_000
    equal_keys: int = 32
    depth: int = 10
    brackets: int = 40
    aliases: int = 30
    directives: int = 20
    operations: int = 8
    list_items: int = 250
    variable_depth: int = 16
    page: int = 100
    cost: int = 50_000
    body_seconds: float = 30.0
    deadline_seconds: float = 30.0

    def for_registered(self) -> Limits:
        """Those of documents that were registered."""
        times = REGISTERED_FACTOR
        return replace(
            self,
            tokens=self.tokens * times,
            names=self.names * times,
            fields=self.fields * times,
            equal_keys=self.equal_keys * times,
            depth=self.depth * times,
            brackets=self.brackets * times,
            aliases=self.aliases * times,
            directives=self.directives * times,
            operations=self.operations * times,
            list_items=self.list_items * times,
            page=REGISTERED_PAGE,
            cost=self.cost * times,
        )


_TOKEN = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n\r]|\\.)*"|\#[^\n\r]*'''
    r"""|[_A-Za-z][_0-9A-Za-z]*|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.\.\.|[^\s,\ufeff]""",
    re.DOTALL,
)
_BRACKETS = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}


def names_of(schema: GraphQLSchema) -> frozenset[str]:
    """Words that documents of a schema are made of."""
    found = {"query", "mutation", "subscription", "fragment", "on", "true", "false", "null"}
    found.update(schema.type_map, ("__typename", "__schema", "__type", "name"))
    for directive in schema.directives:
        found.update((directive.name, *directive.args))
    for kind in schema.type_map.values():
        found.update(getattr(kind, "values", ()))
        for name, field in getattr(kind, "fields", {}).items():
            found.update((name, *getattr(field, "args", ())))
    return frozenset(found)


def check_text(text: str, limits: Limits, names: frozenset[str] = frozenset()) -> None:
    """Refuse a text that cannot be within the limits, for a tenth of what parsing it would take.

    Args:
        text: the document.
        limits: what is allowed.
        names: those of the schema; others are counted. None given: nothing is counted.

    Raises:
        LimitExceeded: it has too many tokens, aliases, foreign names or brackets in each other.
    """
    tokens = brackets = arguments = aliases = foreign = 0
    for match in _TOKEN.finditer(text):
        found = match.group()
        if found[0] == "#":
            continue
        tokens += 1
        if tokens > limits.tokens:
            raise LimitExceeded("tokens", tokens, limits.tokens)
        step = _BRACKETS.get(found)
        if step is not None:
            brackets += step
            arguments += step if found in "()" else 0
            _check("brackets in each other", brackets, limits.brackets)
        elif found == ":" and not arguments:
            aliases += 1
            _check("aliases", aliases, limits.aliases)
        elif names and found not in names and found.isidentifier():
            foreign += 1
            _check("names that are not of the schema", foreign, limits.names)


@dataclass(frozen=True, slots=True)
class _Size:
    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Refuse a document that is too large.

    Raises:
        LimitExceeded: which limit, what was found and what is allowed.
        GraphQLError: a fragment spreads itself, so that nothing can be counted.
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
        _check_definition(measure, operation, limits)
    for definition in document.definitions:
        # What no operation uses will be refused, but is validated first.
        if isinstance(definition, FragmentDefinitionNode) and not measure.has_seen(definition):
            _check_definition(measure, definition, limits)


def check_variables(variables: Any, limits: Limits) -> None:
    """Refuse variables that are too deep or hold lists that are too long.

    Raises:
        LimitExceeded: which limit, what was found and what is allowed.
        QueryError: a text holds a zero character, which no database takes.
    """
    for value in variables.values():
        if value.__class__ is str:
            _check_text(value)
        elif value.__class__ in (dict, list):
            break
    else:  # nearly always: nothing is in anything
        return
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


def _check_definition(
    measure: _Measure, node: OperationDefinitionNode | FragmentDefinitionNode, limits: Limits
) -> None:
    size = measure.of(node.selection_set, len(node.directives or ()))
    _check("depth", size.depth, limits.depth)
    _check("aliases", size.aliases, limits.aliases)
    _check("directives", size.directives, limits.directives)
    _check("fields", size.fields, limits.fields)
    measure.check_equal_keys(node.selection_set, limits.equal_keys)


class _Measure:
    """Sizes of selections; fragments by name, each once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._sizes: dict[str, _Size] = {}
        self._open: set[str] = set()

    def has_seen(self, fragment: FragmentDefinitionNode) -> bool:
        """Whether a fragment is spread in anything that was measured."""
        return fragment.name.value in self._sizes

    def of(self, selections: SelectionSetNode | None, directives: int) -> _Size:
        """Depth, and what is counted with fragments as often as they are spread."""
        depth = fields = aliases = 0
        for node in selections.selections if selections else ():
            own = len(node.directives or ())
            if isinstance(node, FieldNode):
                below = self.of(node.selection_set, own)
                # The schema's own description nests deeply by nature and ends by itself.
                is_meta = node.name.value.startswith("__")
                depth = max(depth, 0 if is_meta else 1 + below.depth)
                fields += 1
                aliases += node.alias is not None
            elif isinstance(node, FragmentSpreadNode):
                spread = self._fragment(node.name.value)
                below = replace(spread, directives=spread.directives + own)
                depth = max(depth, below.depth)
            elif isinstance(node, InlineFragmentNode):
                below = self.of(node.selection_set, own)
                depth = max(depth, below.depth)
            else:
                continue
            fields += below.fields
            aliases += below.aliases
            directives += below.directives
        return _Size(depth, fields, aliases, directives)

    def check_equal_keys(self, selections: SelectionSetNode, allowed: int) -> None:
        """Refuse fields that must be merged with too many others, here or below.

        Only for what is within the limit of fields: everything is visited as often as it is spread.
        """
        pending = [[selections]]
        while pending:
            merged: dict[str, list[FieldNode]] = {}
            spreads: set[str] = set()
            sets = pending.pop()
            while sets:
                for node in sets.pop().selections:
                    if isinstance(node, FieldNode):
                        key = (node.alias or node.name).value
                        merged.setdefault(key, []).append(node)
                    elif isinstance(node, InlineFragmentNode):
                        sets.append(node.selection_set)
                    elif isinstance(node, FragmentSpreadNode) and node.name.value not in spreads:
                        spreads.add(node.name.value)
                        fragment = self._fragments.get(node.name.value)
                        if fragment:
                            sets.append(fragment.selection_set)
            for fields in merged.values():
                _check("fields of one name in one place", len(fields), allowed)
                below = [node.selection_set for node in fields if node.selection_set]
                if below:
                    pending.append(below)

    def _fragment(self, name: str) -> _Size:
        if name in self._open:
            raise GraphQLError(f'Cannot spread fragment "{name}" within itself.')
        if name not in self._sizes:
            self._open.add(name)
            fragment = self._fragments.get(name)
            own = len(fragment.directives or ()) if fragment else 0
            self._sizes[name] = self.of(fragment.selection_set if fragment else None, own)
            self._open.remove(name)
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
