"""The phone's documents and the configuration of the tools that make code of them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    build_schema,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate,
    visit,
)
from graphql.type import GraphQLScalarType

from tests.examples.conftest import COURSE, TITLE, Installation

ROOT = Path(__file__).parents[2]
MOBILE = ROOT / "examples" / "mobile"
DOCUMENTS = sorted(MOBILE.glob("graphql/*.graphql"))
SCHEMA = ROOT / "schema.graphql"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def custom_scalars(schema: GraphQLSchema) -> set[str]:
    return {
        name
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind)
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_document_fits_the_schema_and_is_named_as_its_file(
    schema: GraphQLSchema, path: Path
) -> None:
    document = parse(path.read_text(encoding="utf-8"))
    assert validate(schema, document) == []
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    assert [one.name.value for one in operations if one.name] == [path.stem]


def keys_of(part: Any, *path: str) -> set[str]:
    for name in path:
        part = part[name]
    return set(part)


def test_ios_configuration_says_what_the_tool_reads() -> None:
    """By `ApolloCodegenConfiguration`, which refuses keys that it does not know."""
    folder = MOBILE / "ios"
    read = json.loads((folder / "apollo-codegen-config.json").read_text(encoding="utf-8"))
    known = {
        (): {"schemaNamespace", "input", "output", "options", "operationManifest"},
        ("input",): {"schemaSearchPaths", "operationSearchPaths"},
        ("output",): {"schemaTypes", "operations", "testMocks"},
        ("output", "schemaTypes"): {"path", "moduleType"},
        ("output", "schemaTypes", "moduleType"): {"embeddedInTarget"},
        ("output", "operations"): {"inSchemaModule"},
        ("output", "testMocks"): {"none"},
        ("options",): {"operationDocumentFormat"},
        ("operationManifest",): {"path", "version", "generateManifestOnCodeGeneration"},
    }
    assert {path: keys_of(read, *path) for path in known} == known
    assert read["operationManifest"]["version"] == "persistedQueries"
    assert read["options"]["operationDocumentFormat"] == ["operationId"]
    (schema_path,) = read["input"]["schemaSearchPaths"]
    assert (folder / schema_path).resolve() == SCHEMA
    (pattern,) = read["input"]["operationSearchPaths"]
    assert sorted(path.resolve() for path in folder.glob(pattern)) == DOCUMENTS


def test_swift_has_a_type_for_each_scalar(custom_scalars: set[str]) -> None:
    namespace = json.loads((MOBILE / "ios" / "apollo-codegen-config.json").read_text())
    files = {path.stem: path.read_text() for path in (MOBILE / "ios/CustomScalars").iterdir()}
    assert set(files) == custom_scalars
    for name, text in files.items():
        assert f"extension {namespace['schemaNamespace']} {{" in text
        assert f"struct {name}: CustomScalarType" in text


def test_gradle_maps_each_scalar_and_finds_its_files(custom_scalars: set[str]) -> None:
    text = (MOBILE / "android" / "build.gradle.kts").read_text(encoding="utf-8")
    mapped = re.findall(r'mapScalar\("(\w+)", "[\w.]+", "[\w.]+"\)', text)
    assert sorted(mapped) == sorted(custom_scalars)
    folders = re.findall(r'(?:srcDir|schemaFiles\.from)\("([^"]+)"\)', text)
    found = [(MOBILE / "android" / path).resolve() for path in folders]
    assert found == [MOBILE / "graphql", SCHEMA]
    assert text.count("{") == text.count("}")


class AddTypename(Visitor):
    """Ask for `__typename` in every selection but the operation's own, as Apollo's clients do."""

    def leave_selection_set(self, node: SelectionSetNode, *rest: Any) -> SelectionSetNode | None:
        parent = rest[1]
        if isinstance(parent, OperationDefinitionNode):
            return None
        typename = FieldNode(name=NameNode(value="__typename"))
        return SelectionSetNode(selections=(typename, *node.selections))


def manifest_of(documents: list[DocumentNode]) -> dict[str, Any]:
    """What Apollo's generators write."""
    operations = []
    for document in documents:
        body = print_ast(visit(document, AddTypename()))
        (name,) = (
            one.name.value
            for one in document.definitions
            if isinstance(one, OperationDefinitionNode) and one.name
        )
        sha = hashlib.sha256(body.encode()).hexdigest()
        operations.append({"id": sha, "body": body, "name": name, "type": "query"})
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


@pytest.fixture(scope="module")
def ids(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of the documents by operation, after their manifest was registered."""
    manifest = manifest_of([parse(path.read_text(encoding="utf-8")) for path in DOCUMENTS])
    path = tmp_path_factory.mktemp("mobile") / "persisted-documents.json"
    path.write_text(json.dumps(manifest))
    installation.register(path)
    return {one["name"]: one["id"] for one in manifest["operations"]}


def ask(installation: Installation, sha: str, **variables: Any) -> Any:
    """A question as Apollo's clients send it when they send no text."""
    answer = httpx.post(
        f"{installation.address}/graphql",
        json={
            "variables": variables,
            "extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha}},
        },
        headers={"authorization": f"JWT {installation.token(20)}"},
        timeout=30,
    ).json()
    assert "errors" not in answer, answer
    return answer["data"]


def test_a_phone_lists_the_students_courses(
    installation: Installation, ids: dict[str, str]
) -> None:
    viewer = ask(installation, ids["MyCourses"])["viewer"]
    assert viewer["userId"] == 20
    assert [(one["key"], one["title"]) for one in viewer["courses"]["nodes"]] == [(COURSE, TITLE)]
    assert viewer["courses"]["pageInfo"]["hasNextPage"] is False


def test_a_phone_opens_with_the_students_own_numbers(
    installation: Installation, ids: dict[str, str]
) -> None:
    students = ask(installation, ids["Home"])["viewer"]["students"]
    (student,) = students["nodes"]
    assert (student["course"]["key"], student["course"]["title"]) == (COURSE, TITLE)
    numbers = student["indicators"]
    assert numbers["timeOnCourse"]["seconds"] == 12_000
    assert numbers["courseGrade"]["ratio"] == 0.2
    assert numbers["activeDays"]["days"] is None
    assert students["pageInfo"]["hasNextPage"] is False


def test_a_phone_shows_the_students_own_numbers(
    installation: Installation, ids: dict[str, str]
) -> None:
    summary = ask(installation, ids["MobileSummary"], course=COURSE)["viewer"]["student"]
    numbers = summary["indicators"]
    assert numbers["timeOnCourse"]["seconds"] == 12_000
    assert numbers["courseGrade"]["ratio"] == 0.2
    assert numbers["courseGrade"]["passed"] is False
    # 19.5 of 39 students, told in steps of five
    assert numbers["timeOnCourse"]["standing"]["percentile"] == 50
    assert numbers["activeDays"]["days"] is None
