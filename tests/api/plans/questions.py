"""Random questions over a schema: what the grammar allows, from a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

_DEPTH = 6
_FIELDS = 3

Arguments = Mapping[tuple[str, str], Callable[[random.Random], str]]
"""By type and field: the text of its arguments, parentheses included."""


@dataclass(slots=True)
class Asked:
    """A question: its text and variables."""

    text: str
    variables: dict[str, Any]


@dataclass(slots=True)
class Questions:
    """Makes questions of one schema.

    Attributes:
        schema: the schema.
        arguments: of the fields that take some.
        variables: their definitions and values, beside the Boolean ones.
    """

    schema: GraphQLSchema
    arguments: Arguments
    variables: Mapping[str, tuple[str, Any]]
    _fragments: list[str] = field(default_factory=list)

    def ask(self, seed: int) -> Asked:
        """The question of a seed."""
        dice = random.Random(seed)
        self._fragments = []
        query = self.schema.query_type
        assert query is not None
        body = self._selection(dice, query, 0)
        known = {
            "yes": ("Boolean!", dice.random() < 0.7),
            "no": ("Boolean = false", dice.random() < 0.3),
            **self.variables,
        }
        rest = "\n".join([body, *self._fragments])
        used = [name for name in known if re.search(rf"\${name}\b", rest)]
        defined = ", ".join(f"${name}: {known[name][0]}" for name in used)
        text = f"query Q{f'({defined})' if defined else ''} {rest}"
        return Asked(text, {name: known[name][1] for name in used})

    def _selection(self, dice: random.Random, kind: Any, depth: int) -> str:
        names = [
            name
            for name, each in kind.fields.items()
            if depth < _DEPTH or is_leaf_type(get_named_type(each.type))
        ]
        chosen = [dice.choice(names) for _ in range(dice.randint(1, _FIELDS))] if names else []
        parts = [self._field(dice, kind, name, depth) for name in chosen]
        if not parts or dice.random() < 0.2:
            parts.append("__typename" if dice.random() < 0.7 else "kind: __typename")
        return "{ " + " ".join(self._wrapped(dice, kind, part) for part in parts) + " }"

    def _field(self, dice: random.Random, kind: Any, name: str, depth: int) -> str:
        one: GraphQLField = kind.fields[name]
        make = self.arguments.get((kind.name, name))
        arguments = make(dice) if make else ""
        alias = ""
        if arguments:
            # one key for one meaning, so that questions are valid
            alias = f"{name}_{abs(hash_text(arguments)) % 10_000}: "
        elif dice.random() < 0.2:
            alias = f"{dice.choice(('a', 'class', 'None', '_x1'))}_{name}: "
        named = get_named_type(one.type)
        if is_leaf_type(named):
            return f"{alias}{name}{arguments}{self._directives(dice)}"
        below = self._abstract(dice, named, depth) if _is_abstract(named) else ""
        below = below or self._selection(dice, named, depth + 1)
        return f"{alias}{name}{arguments}{self._directives(dice)} {below}"

    def _abstract(self, dice: random.Random, kind: GraphQLInterfaceType, depth: int) -> str:
        concrete = dice.choice(self.schema.get_possible_types(kind))
        below = self._selection(dice, concrete, depth + 1)
        return f"{{ id ... on {concrete.name} {below} }}"

    def _wrapped(self, dice: random.Random, kind: GraphQLObjectType, part: str) -> str:
        roll = dice.random()
        if roll < 0.08:
            return f"... {self._directives(dice)} {{ {part} }}"
        if roll < 0.16:
            return f"... on {kind.name}{self._directives(dice)} {{ {part} }}"
        if roll < 0.24:
            name = f"F{len(self._fragments)}"
            self._fragments.append(f"fragment {name} on {kind.name} {{ {part} }}")
            again = f" ...{name}" if dice.random() < 0.2 else ""
            return f"...{name}{self._directives(dice)}{again}"
        if roll < 0.3:
            return f"{part} {part}"
        return part

    def _directives(self, dice: random.Random) -> str:
        return dice.choice(
            (
                *[""] * 12,
                " @include(if: $yes)",
                " @skip(if: $no)",
                " @include(if: true)",
                " @skip(if: true)",
                " @include(if: $no) @skip(if: $yes)",
            )
        )


def hash_text(text: str) -> int:
    """The same number in every process."""
    return sum((place + 1) * ord(sign) for place, sign in enumerate(text))


def _is_abstract(kind: Any) -> bool:
    return isinstance(kind, GraphQLInterfaceType)
