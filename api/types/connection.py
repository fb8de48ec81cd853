"""Lists that are read page by page, as Relay has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.records import Column, Nested, Record, Row
from courselens.errors import LimitExceeded, QueryError

PAGE_LIMIT = 100
PAGE_DEFAULT = 25

PAGE_INFO = Record(
    "PageInfo",
    "Whether there is more, and where to go on.",
    (
        Column("has_next_page", bool, "More follow.", nullable=False),
        Column("has_previous_page", bool, "This is not the first page.", nullable=False),
        Column("start_cursor", str, "Cursor of the first."),
        Column("end_cursor", str, "Cursor of the last; pass it as `after`."),
    ),
)


def connection_record(node: Record, *extra: Column | Nested) -> Record:
    """The connection of a plain type."""
    edge = Record(
        f"{node.name}Edge",
        f"A {node.name.lower()} and its place in the list.",
        (
            Column("cursor", str, "Its place; pass it as `after`.", nullable=False),
            Nested("node", node, "The object.", nullable=False),
        ),
    )
    return Record(
        f"{node.name}Connection",
        f"A page of {node.name.lower()}s.",
        (
            Nested("edges", edge, "With their cursors.", nullable=False, is_list=True),
            Nested("nodes", node, "Without.", nullable=False, is_list=True),
            Nested("page_info", PAGE_INFO, "Where to go on.", nullable=False),
            *extra,
        ),
    )


def connection_row(
    nodes: Sequence[Any], cursors: Sequence[str], *, has_next: bool, has_previous: bool
) -> Row:
    """A page."""
    return {
        "edges": [
            {"cursor": cursor, "node": node} for cursor, node in zip(cursors, nodes, strict=True)
        ],
        "nodes": list(nodes),
        "page_info": {
            "has_next_page": has_next,
            "has_previous_page": has_previous,
            "start_cursor": cursors[0] if cursors else None,
            "end_cursor": cursors[-1] if cursors else None,
        },
    }


def check_first(first: int) -> int:
    """The page size that is asked for.

    Raises:
        LimitExceeded: it is over the limit.
        QueryError: it is negative.
    """
    if first < 0:
        raise QueryError(f"first: {first} is negative; ask for 0 to {PAGE_LIMIT}")
    if first > PAGE_LIMIT:
        raise LimitExceeded("first", first, PAGE_LIMIT)
    return first
