from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLObjectType

from api.schema import _OWN_NAMES, assemble, schema_sdl
from api.sdl import main
from indicators.registry import load_registry
from tests.data.served_courses import served_registry

ROOT = Path(__file__).parents[2]


def test_schema_file_is_fresh() -> None:
    """`make schema` writes it anew."""
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == schema_sdl(load_registry())


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


def test_every_field_says_what_it_is() -> None:
    for name in sorted(_OWN_NAMES):
        type_ = assemble(served_registry()).schema.type_map[name]
        if isinstance(type_, GraphQLObjectType) and not name.endswith("Indicators"):
            assert type_.description, name
            for field_name, field in type_.fields.items():
                assert field.description or field_name == "id", f"{name}.{field_name}"


def test_stale_schema_file_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "schema.graphql"
    assert main(["--check", str(path)]) == 1
    assert "make schema" in capsys.readouterr().err
    main([str(path)])
    path_written = path.read_text(encoding="utf-8")
    assert path_written == schema_sdl(load_registry())
    path.write_text(path_written + "\n", encoding="utf-8")
    assert main(["--check", str(path)]) == 1
