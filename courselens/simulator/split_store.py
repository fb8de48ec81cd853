"""A course as the documents of the split modulestore, as if it had been imported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from courselens.domain import from_us
from loaders.block_settings import read_bool, read_float, read_int
from loaders.instants import parse_instant
from loaders.mongo.split import PUBLISHED
from loaders.tree import CONTAINER_TYPES, RawBlock, RawCourse

Document = dict[str, Any]

_DATES = ("start", "end", "due", "enrollment_start", "enrollment_end")
_TRUTHS = ("graded", "self_paced", "visible_to_staff_only", "hide_from_toc")
_WHOLE_NUMBERS = ("max_attempts", "user_partition_id")
_JSON = ("group_access", "user_partitions", "group_id_to_child")
_CONTENT = ("grading_policy", "user_partition_id", "group_id_to_child")
_NOT_STORED = ("url_name", "slug", "org", "course", "filename", "duration")
"""What exports have beside the fields; a video's duration is in the site's MySQL."""
_UNPUBLISHED = ["chapter", "unpublished"]
_EDITED = {"edited_by": 1, "edited_on": datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)}


@dataclass(frozen=True, slots=True)
class SplitDocuments:
    """The documents of one course run: its entry, both branches, their definitions."""

    active_version: Document
    structures: tuple[Document, ...]
    definitions: tuple[Document, ...]

    @property
    def published_version(self) -> str:
        """Id of the published structure, as the site's MySQL keeps it too."""
        return str(self.active_version["versions"][PUBLISHED])


def split_documents(raw: RawCourse) -> SplitDocuments:
    """Make the documents of a course with keys of the present form; the same ones every time.

    Settings take the types that the platform stores; content goes to definitions. The draft
    branch has one chapter more, which nobody has published, and there are blocks that are never
    in a tree.

    Args:
        raw: a course with a root, from any source.
    """
    org, course, run = raw.course_key.removeprefix("course-v1:").split("+")
    definitions = {key: _definition(raw, block) for key, block in raw.blocks.items()}
    entries = [_entry(block, definitions[key]["_id"]) for key, block in raw.blocks.items()]
    entries += [_bare("about", "overview"), _bare("course_info", "updates")]
    published = _structure(raw, entries)
    draft = _structure(raw, _with_unpublished(entries))
    active = {
        "_id": _object_id(raw.course_key, "active"),
        "org": org,
        "course": course,
        "run": run,
        **_EDITED,
        "last_update": _EDITED["edited_on"],
        "schema_version": 1,
        "versions": {"draft-branch": draft["_id"], PUBLISHED: published["_id"]},
        "search_targets": {"wiki_slug": f"{org}.{course}.{run}"},
    }
    return SplitDocuments(active, (published, draft), tuple(definitions.values()))


def _definition(raw: RawCourse, block: RawBlock) -> Document:
    fields = {name: _stored(name, block.fields[name]) for name in _CONTENT if name in block.fields}
    if block.block_key == raw.root_key and raw.grading_policy is not None:
        fields["grading_policy"] = raw.grading_policy
    content = json.dumps(fields, default=str)
    definition_id = _object_id(raw.course_key, "definition", block.block_key, content)
    return {
        "_id": definition_id,
        "block_type": block.block_type,
        "fields": fields,
        "edit_info": {**_EDITED, "previous_version": None, "original_version": definition_id},
        "schema_version": 1,
    }


def _entry(block: RawBlock, definition_id: ObjectId) -> Document:
    entry = _bare(*_pair(block.block_key))
    fields = {
        field: _stored(field, value)
        for field, value in block.fields.items()
        if field not in _NOT_STORED and field not in _CONTENT
    }
    if block.children or block.block_type in CONTAINER_TYPES:
        fields["children"] = [_pair(child) for child in block.children]
    return {**entry, "definition": definition_id, "fields": fields}


def _bare(block_type: str, block_id: str) -> Document:
    return {
        "block_type": block_type,
        "block_id": block_id,
        "definition": None,
        "fields": {},
        "defaults": {},
    }


def _with_unpublished(entries: list[Document]) -> list[Document]:
    drafted = []
    for entry in entries:
        if entry["block_type"] == "course":
            children = [*entry["fields"]["children"], _UNPUBLISHED]
            entry = {**entry, "fields": {**entry["fields"], "children": children}}
        drafted.append(entry)
    return [*drafted, _bare(*_UNPUBLISHED)]


def _structure(raw: RawCourse, entries: list[Document]) -> Document:
    # A structure never changes, so other content is another structure.
    structure_id = _object_id(raw.course_key, json.dumps(entries, default=str))
    edit_info = {
        **_EDITED,
        "update_version": structure_id,
        "previous_version": None,
        "source_version": None,
    }
    return {
        "_id": structure_id,
        "root": _pair(raw.root_key or ""),
        "previous_version": None,
        "original_version": structure_id,
        **_EDITED,
        "schema_version": 1,
        "blocks": [{**entry, "edit_info": edit_info} for entry in entries],
    }


def _stored(name: str, value: object) -> object:
    """A field as the platform stores it; what it cannot read stays as it is."""
    try:
        if name in _DATES:
            at_us = parse_instant(value)
            return from_us(at_us).replace(tzinfo=None) if at_us is not None else None
        if name in _JSON and isinstance(value, str):
            value = json.loads(value) if value.strip() else None
    except ValueError:
        return value
    if name in _TRUTHS:
        return read_bool(value)
    if name in _WHOLE_NUMBERS:
        return read_int(value)
    if name == "weight":
        return read_float(value)
    if name == "group_id_to_child" and isinstance(value, Mapping):
        return {group: _pair(str(child)) for group, child in value.items()}
    return value


def _pair(block_key: str) -> list[str]:
    _, kind, name = block_key.rsplit("+", 2)
    return [kind.removeprefix("type@"), name.removeprefix("block@")]


def _object_id(*parts: str) -> ObjectId:
    return ObjectId(hashlib.blake2b("\n".join(parts).encode(), digest_size=12).digest())
