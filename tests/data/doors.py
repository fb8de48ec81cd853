"""Every field of the schema that reads something, and a question through it for all behind it."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type

Door = tuple[str, str]

DOORS: dict[Door, str] = {
    ("Query", "course"): "{ course(key: $course) { ... } }",
    ("Query", "courses"): "{ courses { ... } }",
    ("Query", "viewer"): "{ viewer { ... } }",
    ("Query", "indicators"): "{ indicators { ... } }",
    ("Query", "node"): "{ node(id: $id) { id ... on Student { ... } } }",
    ("Course", "indicators"): "{ course(key: $course) { indicators { ... } } }",
    ("Course", "cohorts"): "{ course(key: $course) { cohorts { ... } } }",
    ("Course", "cohort"): '{ course(key: $course) { cohort(name: "Blue") { ... } } }',
    ("Course", "group"): "{ course(key: $course) { group(filter: {}) { ... } } }",
    ("Course", "compare"): (
        '{ course(key: $course) { compare(groups: [{ label: "all" }]) { ... } } }'
    ),
    ("Course", "students"): "{ course(key: $course) { students { ... } } }",
    ("Course", "student"): "{ course(key: $course) { student(userId: $user) { ... } } }",
    ("Viewer", "student"): "{ viewer { student(course: $course) { ... } } }",
    ("Viewer", "students"): "{ viewer { students { ... } } }",
    ("Viewer", "courses"): "{ viewer { courses { ... } } }",
    ("Mutation", "refreshCourse"): "{ refreshCourse(key: $course) { ... } }",
    ("Subscription", "courseRefreshed"): "{ courseRefreshed(key: $course) { ... } }",
}
OPEN = {("Query", "indicators")}
"""Doors for everybody: what is installed is no secret."""
VARIABLES = "query($course: ID!, $user: Int!, $id: ID!) "


_SIMPLE = ("for_self", "for_staff", "for_profile", "for_agg")
_FILES = (
    "roster.csv",
    *(f"roster.jsonl?indicators={key}" for key in ("all", *_SIMPLE)),
    *(
        f"{table}?level={level}"
        for level, form in (("course", "meta.json"), ("group", "jsonl"), ("student", "parquet"))
        for table in (
            *(f"{key}.{each}" for key in _SIMPLE for each in (form, "csv")),
            f"progress.{form}",
            f"chapters.{form}",
        )
    ),
    *(
        f"{key}.jsonl?level={level}&part={part}"
        for key in _SIMPLE
        for level in ("course", "group")
        for part in ("summary", "histogram")
    ),
    *(f"{key}.csv?level=student&part=standing" for key in (*_SIMPLE, "progress")),
)
OWN_FILES = (
    "own.json",
    "roster.csv?own=true",
    *(f"roster.jsonl?own=true&indicators={key}" for key in ("all", *_SIMPLE, "progress")),
    "roster.parquet?own=true&indicators=all",
    *(
        f"{table}.{form}?level=student&own=true"
        for table in (*_SIMPLE, "progress", "chapters")
        for form in ("csv", "jsonl", "parquet", "meta.json")
    ),
    "chapters.jsonl?level=student&part=total&own=true",
    *(f"{key}.jsonl?level=student&part=standing&own=true" for key in (*_SIMPLE, "progress")),
)
"""The same of the viewer's own rows."""
FILES = (*_FILES, *OWN_FILES)
"""Every table that can be exported of the guarded courses, in some form, and what is told of it."""


def doors_of(schema: GraphQLSchema) -> set[Door]:
    """Fields with a resolver: all others only pick from what one of these has read."""
    return {
        (type_.name, name)
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
        for name, field in type_.fields.items()
        if not getattr(field.resolve, "_is_default", False)
    }


def question(schema: GraphQLSchema, door: Door) -> str:
    """A question through a door for everything behind it."""
    owner, name = door
    if door == ("Query", "node"):
        behind: Any = schema.type_map["Student"]
    else:
        type_: Any = schema.type_map[owner]
        behind = get_named_type(type_.fields[name].type)
    inner = DOORS[door].replace("{ ... }", f"{{ {_everything(behind)} }}")
    if owner in ("Mutation", "Subscription"):
        return f"{owner.lower()}($course: ID!) {inner}"
    # Every variable is used once, so that one set fits all doors.
    used = "_c: course(key: $course) @skip(if: true) { student(userId: $user) { id } }"
    return f"{VARIABLES}{inner[:-1]} {used} _n: node(id: $id) @skip(if: true) {{ id }} }}"


def _everything(type_: GraphQLObjectType) -> str:
    """All fields of a type, down to its leaves, but none that leads through another door."""
    fields = []
    for name, field in type_.fields.items():
        if (type_.name, name) in DOORS:
            continue
        below = get_named_type(field.type)
        if isinstance(below, GraphQLObjectType):
            fields.append(f"{name} {{ {_everything(below)} }}")
        else:
            fields.append(name)
    return " ".join(fields)
