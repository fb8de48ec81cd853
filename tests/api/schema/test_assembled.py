from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import GraphQLEnumType, get_named_type, is_specified_scalar_type

from api.schema.assembled import _OWN_NAMES, assemble, schema_sdl
from api.schema.fields import TypeMaker
from api.schema.records import Column, Record
from api.schema.sdl import main
from indicators.registry import load_registry
from tests.data.served_courses import served_registry
from tests.data.toy_indicators import (
    Posts,
    ToyActive,
    ToyTime,
    build_registry,
    declare,
)

ROOT = Path(__file__).parents[3]


def test_schema_file_is_fresh() -> None:
    """`make schema` writes it anew."""
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == schema_sdl(
        assemble(load_registry())
    )


def test_every_installed_indicator_can_be_expressed() -> None:
    registry = load_registry()
    assembled = assemble(registry)
    assert assembled.refused == ()
    assert list(assembled.catalog.values) == list(registry.indicators)


def test_no_indicator_can_take_a_name_of_the_schema_itself() -> None:
    assembled = assemble(served_registry())
    owned = {
        name
        for name in assembled.schema.type_map
        if not name.startswith("__") and "toy" not in name.lower()
    }
    # Enums of the toy indicators' results.
    assert owned - {"Band", "Activity", "Pace"} == _OWN_NAMES


def described() -> Iterator[tuple[str, str, str | None]]:
    """Every type, field, argument, input field and enum value: name, type and prose."""
    for name, kind in assemble(load_registry()).schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(kind):
            continue
        yield name, "", kind.description
        if isinstance(kind, GraphQLEnumType):
            for value_name, value in kind.values.items():
                yield f"{name}.{value_name}", "", value.description
        fields: Any = getattr(kind, "fields", {})
        for field_name, field in fields.items():
            yield f"{name}.{field_name}", get_named_type(field.type).name, field.description
            for argument_name, argument in getattr(field, "args", {}).items():
                place = f"{name}.{field_name}({argument_name})"
                yield place, get_named_type(argument.type).name, argument.description


def test_everything_says_what_it_is() -> None:
    silent = [place for place, _, prose in described() if not (prose or "").strip()]
    assert silent == []


UNITS = re.compile(
    r"Unit: (count|seconds|days|percent|ratio|share|rate|points|attempts|that of the number)\."
    r"|0 to 1\b|0 to 100\b|How many|id of the user|platform's id"
    r"|Version of|Year of birth"
)


def test_every_number_says_its_unit() -> None:
    """A unit, a count, or the scale of a share; ids, versions and years are no amounts."""
    without = [
        (place, prose)
        for place, kind, prose in described()
        if kind in ("Int", "Float") and not UNITS.search(prose or "")
    ]
    assert without == []


def test_header_says_whose_indicators_are_in_the_schema() -> None:
    built_in = [declare("toy_time", student=ToyTime, group=ToyActive)]
    head, *_ = schema_sdl(assemble(build_registry(built_in))).splitlines()
    assert head == (
        "# The schema of courselens with its built-in indicators. Generated: `make schema`."
    )
    posts = [declare(key, student=Posts) for key in ("b_posts", "acme_posts", "acme_more")]
    providers = {"b_posts": "b-lab", "acme_posts": "acme-forum", "acme_more": "acme-forum"}
    registry = build_registry([*built_in, *posts], plugins=providers)
    head, *_ = schema_sdl(assemble(registry)).splitlines()
    assert head == (
        "# The schema of this installation of courselens, with the indicators of its plugins:"
        " acme-forum, b-lab. Generated: `courselens schema`."
    )


def test_stale_schema_file_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "schema.graphql"
    assert main(["--check", str(path)]) == 1
    assert "make schema" in capsys.readouterr().err
    main([str(path)])
    path_written = path.read_text(encoding="utf-8")
    assert path_written == schema_sdl(assemble(load_registry()))
    path.write_text(path_written + "\n", encoding="utf-8")
    assert main(["--check", str(path)]) == 1


def test_what_breaks_clients_is_told_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, released = tmp_path / "schema.graphql", tmp_path / "released.graphql"
    text = schema_sdl(assemble(load_registry()))
    released.write_text(text, encoding="utf-8")
    assert main(["--since", str(released), str(path)]) == 0
    assert capsys.readouterr().err == ""
    more = text.replace("enum Direction {\n", "enum Direction {\n  SIDEWAYS\n")
    released.write_text(more, encoding="utf-8")
    assert main(["--check", "--since", str(released), str(path)]) == 1
    assert "breaking: Enum value Direction.SIDEWAYS was removed." in capsys.readouterr().err


def test_what_is_deprecated_says_what_to_use_instead() -> None:
    maker = TypeMaker()
    record = Record(
        "Query",
        "Questions.",
        (
            Column("old", int, "As it was.", deprecated="Use `new`. Gone in 0.4."),
            Column("new", int, "As it is."),
        ),
    )
    printed = strawberry.Schema(query=maker.record(record)).as_str()
    assert 'old: Int @deprecated(reason: "Use `new`. Gone in 0.4.")' in printed
    assert "new: Int\n" in printed
