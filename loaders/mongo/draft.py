"""Documents of the old (draft) modulestore, one a block, to raw courses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loaders.mongo.client import Document
from loaders.mongo.documents import as_mapping, read_policy
from loaders.tree import RawBlock, RawCourse

COLLECTION = "modulestore"
PROJECTION = {
    "metadata": 1,
    "definition.children": 1,
    "definition.data.grading_policy": 1,
    "definition.data.user_partition_id": 1,
    "definition.data.group_id_to_child": 1,
}
COURSES = {"_id.tag": "i4x", "_id.category": "course", "_id.revision": None}
"""Filter for the roots of all courses."""


def blocks_of(org: str, course: str) -> dict[str, object]:
    """Filter for the published blocks of a course; their ids do not tell its runs apart."""
    return {"_id.tag": "i4x", "_id.org": org, "_id.course": course, "_id.revision": None}


def course_key_of(root: Document) -> str:
    """Key of the run that a block of category `course` is the root of."""
    parts = root["_id"]
    return f"{parts['org']}/{parts['course']}/{parts['name']}"


def read_draft(documents: Iterable[Document], course_key: str, path: str) -> RawCourse | None:
    """Read the blocks of one run out of those of all runs of its course.

    Args:
        documents: documents of `modulestore` that `blocks_of` found.
        course_key: `ORG/COURSE/RUN`.
        path: names the store in problems.

    Returns:
        The course before inheritance; None where the run has no root.
    """
    blocks = {block.block_key: block for block in map(_read_block, documents)}
    org, course, run = course_key.split("/")
    root_key = f"i4x://{org}/{course}/course/{run}"
    if root_key not in blocks:
        return None
    others = [
        key for key, block in blocks.items() if block.block_type == "course" and key != root_key
    ]
    elsewhere = _below(blocks, others) - _below(blocks, [root_key])
    return RawCourse(
        course_key=course_key,
        path=path,
        blocks={key: block for key, block in blocks.items() if key not in elsewhere},
        root_key=root_key,
        grading_policy=read_policy(blocks[root_key].fields),
    )


def _read_block(document: Document) -> RawBlock:
    parts = document["_id"]
    definition = as_mapping(document.get("definition"))
    children = definition.get("children")
    return RawBlock(
        block_key="i4x://{org}/{course}/{category}/{name}".format_map(parts),
        block_type=parts["category"],
        fields={**as_mapping(definition.get("data")), **as_mapping(document.get("metadata"))},
        children=tuple(map(str, children)) if isinstance(children, list) else (),
    )


def _below(blocks: Mapping[str, RawBlock], tops: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(tops)
    while waiting:
        key = waiting.pop()
        if key in blocks and key not in found:
            found.add(key)
            waiting.extend(blocks[key].children)
    return found
