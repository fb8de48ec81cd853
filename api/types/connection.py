"""Lists that are read page by page, as Relay has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.schema.records import Column, Nested, Record, Row
from courselens.errors import LimitExceeded, QueryError

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
    ends = (cursors[0], cursors[-1]) if cursors else None
    return {
        "edges": [
            {"cursor": cursor, "node": node} for cursor, node in zip(cursors, nodes, strict=True)
        ],
        "nodes": list(nodes),
        "page_info": page_info_row(ends, has_next=has_next, has_previous=has_previous),
    }


def page_info_row(ends: tuple[str, str] | None, *, has_next: bool, has_previous: bool) -> Row:
    """A page's `pageInfo`; `ends` are the cursors of its first and last, None of an empty one."""
    start, end = ends or (None, None)
    return {
        "has_next_page": has_next,
        "has_previous_page": has_previous,
        "start_cursor": start,
        "end_cursor": end,
    }


def check_first(first: int, limit: int) -> int:
    """The page size that is asked for; `limit` is the document's.

    Raises:
        LimitExceeded: it is over the limit.
        QueryError: it is negative.
    """
    if first < 0:
        raise QueryError(f"first: {first} is negative; ask for 0 to {limit}")
    if first > limit:
        raise LimitExceeded("first", first, limit)
    return first
