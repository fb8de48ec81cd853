"""Documents of the split modulestore to raw courses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loaders.mongo.client import Document
from loaders.mongo.documents import as_mapping, read_policy
from loaders.problem import Problem
from loaders.tree import RawBlock, RawCourse

ACTIVE_VERSIONS = "modulestore.active_versions"
STRUCTURES = "modulestore.structures"
DEFINITIONS = "modulestore.definitions"
PUBLISHED = "published-branch"

STRUCTURE_PROJECTION = {
    "root": 1,
    **dict.fromkeys(("blocks.block_type", "blocks.block_id", "blocks.definition"), 1),
    **dict.fromkeys(("blocks.fields", "blocks.defaults"), 1),
}
"""All but who edited what and when, which is half of a structure."""
_CONTENT_FIELDS = {
    "course": ("grading_policy",),
    "split_test": ("user_partition_id", "group_id_to_child"),
}
"""Fields that are used but are content, so that they are in definitions: by type of block."""
DEFINITION_PROJECTION = {
    f"fields.{name}": 1 for names in _CONTENT_FIELDS.values() for name in names
}


@dataclass(frozen=True, slots=True)
class SplitCourse:
    """A course before inheritance, what was left out, and whether a definition was missing."""

    course: RawCourse
    problems: tuple[Problem, ...]
    is_complete: bool


def needed_definitions(structure: Document) -> list[Any]:
    """Ids of the definitions that hold fields which are used, each once."""
    found = {
        entry["definition"]: None
        for entry in _entries(structure)
        if entry["block_type"] in _CONTENT_FIELDS and entry.get("definition") is not None
    }
    return list(found)


def read_split(
    structure: Document, definitions: Iterable[Document], course_key: str, path: str
) -> SplitCourse:
    """Read a structure: a list of blocks, each with the fields that somebody set.

    Fields copied from a library (`defaults`) hold where the block does not set its own. A course
    whose definition has no grading policy has the platform's default policy.

    Args:
        structure: document of `modulestore.structures`.
        definitions: those of `needed_definitions` that exist.
        course_key: the run that it is the published structure of.
        path: names the structure in problems.
    """
    contents = {each["_id"]: as_mapping(each.get("fields")) for each in definitions}
    problems: list[Problem] = []
    blocks: dict[str, RawBlock] = {}
    is_complete = True
    keys = SplitKeys(course_key)
    root_key = keys.read(structure.get("root"))
    policy: Mapping[str, object] | None = None
    for entry in _entries(structure):
        kind = entry["block_type"]
        block_key = keys.block_key(kind, entry["block_id"])
        own = as_mapping(entry.get("fields"))
        fields = {**as_mapping(entry.get("defaults")), **own}
        children = fields.pop("children", None)
        if kind in _CONTENT_FIELDS:
            content = contents.get(entry.get("definition"))
            if content is None:
                is_complete = False
                reason = f"{course_key}: {block_key}: its definition does not exist"
                problems.append(Problem(path, None, reason))
            else:
                fields |= _content_fields(content, kind, keys)
                if block_key == root_key:
                    policy = read_policy(content)
        blocks[block_key] = RawBlock(
            block_key=block_key,
            block_type=kind,
            fields=fields,
            children=tuple(keys.read(child) for child in children)
            if isinstance(children, list)
            else (),
        )
    course = RawCourse(
        course_key=course_key,
        path=path,
        blocks=blocks,
        root_key=root_key if root_key in blocks else None,
        grading_policy=policy,
    )
    return SplitCourse(course, tuple(problems), is_complete)


class SplitKeys:
    """Block keys of a run, from the pairs that documents hold."""

    def __init__(self, course_key: str) -> None:
        self._prefix = course_key.replace("course-v1:", "block-v1:", 1)

    def block_key(self, block_type: str, block_id: str) -> str:
        """`block-v1:ORG+COURSE+RUN+type@TYPE+block@ID`."""
        return f"{self._prefix}+type@{block_type}+block@{block_id}"

    def read(self, reference: object) -> str:
        """Key of a reference: a pair of type and id; anything else is taken as it is."""
        if isinstance(reference, list) and len(reference) == 2:
            return self.block_key(str(reference[0]), str(reference[1]))
        return str(reference)


def _entries(structure: Document) -> Iterator[Document]:
    blocks = structure.get("blocks")
    for entry in blocks if isinstance(blocks, list) else ():
        if isinstance(entry, dict) and {"block_type", "block_id"} <= entry.keys():
            yield entry


def _content_fields(content: Mapping[str, Any], kind: str, keys: SplitKeys) -> dict[str, object]:
    fields = {name: content[name] for name in _CONTENT_FIELDS[kind] if name in content}
    arms = fields.get("group_id_to_child")
    if isinstance(arms, dict):
        fields["group_id_to_child"] = {group: keys.read(child) for group, child in arms.items()}
    return fields
