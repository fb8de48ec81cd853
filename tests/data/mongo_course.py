"""Small courses as documents of the modulestores, and courses of other sources as such."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from loaders.tree import RawBlock, RawCourse

KEY = "course-v1:O+C+R"
STRUCTURE_ID = ObjectId("65b0c0de00000000000000aa")
DEFINITION_ID = ObjectId("65b0c0de00000000000000dd")

Document = dict[str, Any]


def block(kind: str, name: str, *children: str, **fields: Any) -> Document:
    """An entry of a structure; children as `type/name`."""
    return {
        "block_type": kind,
        "block_id": name,
        "definition": fields.pop("definition", DEFINITION_ID),
        "fields": {**fields, "children": [child.split("/") for child in children]},
        "defaults": {},
        "edit_info": {"edited_by": 1},
    }


def structure(*blocks: Document, **changes: Any) -> Document:
    """A structure with these blocks and the usual root."""
    return {
        "_id": STRUCTURE_ID,
        "root": ["course", "course"],
        "blocks": list(blocks),
        "schema_version": 1,
        **changes,
    }


def definition(**fields: Any) -> Document:
    """The definition that the blocks share."""
    return {"_id": DEFINITION_ID, "block_type": "course", "fields": fields, "schema_version": 1}


def active_version(**changes: Any) -> Document:
    """The entry of the course, whose published branch is the structure."""
    return {
        "org": "O",
        "course": "C",
        "run": "R",
        "schema_version": 1,
        "versions": {"published-branch": STRUCTURE_ID},
        **changes,
    }


def usage(kind: str, name: str) -> str:
    """Key of a block of the course."""
    return f"block-v1:O+C+R+type@{kind}+block@{name}"


def draft_documents(raw: RawCourse) -> list[Document]:
    """Documents of the old modulestore for a course with keys of the old form."""
    return [_draft_document(raw, each) for each in raw.blocks.values()]


def _draft_document(raw: RawCourse, each: RawBlock) -> Document:
    org, course, category, name = each.block_key.removeprefix("i4x://").split("/")
    data: Any = "<problem/>"
    if each.block_key == raw.root_key:
        data = {"grading_policy": raw.grading_policy, "wiki_slug": "wiki"}
    return {
        "_id": {
            "tag": "i4x",
            "org": org,
            "course": course,
            "category": category,
            "name": name,
            "revision": None,
        },
        "definition": {"data": data, "children": list(each.children)},
        "metadata": dict(each.fields),
    }
