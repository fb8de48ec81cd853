"""The table of scalars is complete, and the examples map what it says."""

from __future__ import annotations

import re
from pathlib import Path

from graphql import GraphQLScalarType, build_schema, is_specified_scalar_type

ROOT = Path(__file__).parents[2]
SCHEMA = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
SCALARS = {
    name: kind for name, kind in SCHEMA.type_map.items() if isinstance(kind, GraphQLScalarType)
}
CUSTOM = {name for name, kind in SCALARS.items() if not is_specified_scalar_type(kind)}


def table() -> dict[str, dict[str, str]]:
    """Rows of the table by scalar, their cells by heading."""
    page = (ROOT / "docs" / "reference" / "graphql.md").read_text(encoding="utf-8")
    section = page.partition("## Scalars\n")[2].partition("\n## ")[0]
    heading, _, *rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: dict(zip(heading, row, strict=True)) for row in rows}


def test_every_scalar_of_the_schema_has_a_row_and_no_other() -> None:
    assert sorted(table()) == sorted(SCALARS)
    assert all(cell for row in table().values() for cell in row.values())


def test_every_custom_scalar_says_what_it_is_and_where_that_is_specified() -> None:
    for name in CUSTOM:
        assert re.search(r"`\d{4}-", SCALARS[name].description or ""), name
        assert (SCALARS[name].specified_by_url or "").startswith("https://"), name


def test_typescript_maps_all_of_them() -> None:
    folder = ROOT / "examples" / "typescript"
    block = (folder / "codegen.ts").read_text().partition("scalars: {")[2].partition("}")[0]
    mapped = dict(re.findall(r"(\w+): '([^']+)'", block))
    assert set(mapped) == CUSTOM | {"ID"}
    types = (folder / "src" / "scalars.ts").read_text()
    for name, target in mapped.items():
        file, _, alias = target.rpartition("#")
        if file:  # an alias of text
            assert re.search(rf"export type {alias} = `\$\{{number\}}-", types), name
        assert table()[name]["TypeScript"] == "string"


def test_kotlin_and_python_map_them_as_the_table_says() -> None:
    gradle = (ROOT / "examples" / "mobile" / "android" / "build.gradle.kts").read_text()
    mapped = dict(re.findall(r'mapScalar\("(\w+)", "([\w.]+)"', gradle))
    assert mapped == {name: table()[name]["Kotlin"] for name in CUSTOM}
    shapes = (ROOT / "examples" / "python" / "course.py").read_text()
    assert table()["DateTime"]["Python"] == "datetime.datetime"
    assert "computed_at: datetime\n" in shapes
