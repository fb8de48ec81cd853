"""Plain GraphQL types: fields that are columns of what was read, and nothing else.

A `Record` is the one place where a GraphQL field, the column behind it, its kind and whether it
may be null are written down. The Strawberry types are generated from records (`fields.py`), and
whoever wants to answer a selection without resolvers can walk the same records.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""What a record is read from: values by column name, nested rows by nested name.

A value that is an exception becomes a GraphQL error at that field.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A field that is one value.

    Attributes:
        name: snake_case; the key in a row, and in camelCase the GraphQL name.
        kind: int, float, bool, str, date, datetime, `strawberry.ID` or an enum of text.
        description: prose of the schema.
        nullable: null is possible, as it is for everything measured.
        is_list: the value is a list of the kind.
        deprecated: what to use instead, where the field will go.
    """

    name: str
    kind: Any
    description: str
    nullable: bool = True
    is_list: bool = False
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class Nested:
    """A field that is one row of another record, or with `is_list` several.

    With `is_linked` it is an object instead of a row, and its type has fields with resolvers beside
    those of the record.
    """

    name: str
    record: Record
    description: str
    nullable: bool = True
    is_list: bool = False
    is_linked: bool = False
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A plain type: its GraphQL name, prose and fields in the order of the schema."""

    name: str
    description: str
    fields: tuple[Column | Nested, ...]
    is_node: bool = False


@functools.lru_cache(10_000)
def camel(name: str) -> str:
    """The GraphQL name of a snake_case name."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def pascal(name: str) -> str:
    """The GraphQL type name of a snake_case name."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
