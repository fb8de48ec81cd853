"""A block of a course, as results name it."""

from __future__ import annotations

import strawberry

from api.schema.records import Column, Record

BLOCK = Record(
    "Block",
    "A block of the course tree, or a pseudo-block such as `_forum_` for time spent elsewhere.",
    (
        Column("key", strawberry.ID, "Usage key.", nullable=False),
        Column("display_name", str, "Name in the course; null for pseudo-blocks."),
        Column("block_type", str, "Such as `chapter`, `video`, `problem`."),
        Column("position", int, "Blocks before it in reading order. Unit: count."),
    ),
)
