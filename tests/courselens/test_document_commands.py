"""`documents register`: all of a manifest, or nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from aggregates.database import Database
from aggregates.documents import Documents, StoredDocument
from api.documents.manifests import read_manifest
from courselens.errors import QueryError

TEXT = "query Mobile($c: ID!) { viewer { student(course: $c) { username } } }"
SHA = hashlib.sha256(TEXT.encode()).hexdigest()
MD5 = hashlib.md5(TEXT.encode()).hexdigest()
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": SHA, "name": "Mobile", "type": "query", "body": TEXT}],
}


@pytest.fixture
def register(run, monkeypatch, tmp_path: Path, postgres_url: str):
    monkeypatch.setenv("COURSELENS_DATABASE_URL", postgres_url)

    def register(manifest: Any):
        path = tmp_path / "manifest.json"
        path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
        return run("documents", "register", path)

    return register


def find(url: str, document_id: str) -> StoredDocument | None:
    async def ask() -> StoredDocument | None:
        database = await Database.connect(url, pool_size=1, deadline_seconds=10)
        try:
            return await Documents(database).find(document_id)
        finally:
            await database.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("manifest", "ids"),
    [
        (APOLLO, [f"sha256:{SHA}"]),
        ({MD5: TEXT}, [f"sha256:{SHA}", MD5]),
        ({"x-app:mobile": TEXT}, [f"sha256:{SHA}", "x-app:mobile"]),
    ],
)
def test_document_is_found_under_its_ids(register, postgres_url, manifest, ids) -> None:
    for _ in range(2):
        registered = register(manifest)
        assert registered.code == 0, registered.err
        assert "1 documents registered" in registered.err
    for document_id in ids:
        assert find(postgres_url, document_id) == StoredDocument(document_id, TEXT, "Mobile")


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ({"good": TEXT, "bad": "{ nothing }"}, "bad: Cannot query field 'nothing'"),
        ({"good": TEXT, "bad": "{"}, "bad: Syntax Error"),
        ({"good": TEXT, "bad": "{ a " * 41 + "}" * 41}, "bad: depth: 41, allowed are 40"),
        ({"good": TEXT, "b ad": TEXT}, "b ad: an id is letters"),
        ({"good": TEXT, "0" * 64: TEXT}, "not that of the text"),
    ],
)
def test_nothing_is_registered_if_anything_is_bad(
    register, postgres_url, manifest, problem
) -> None:
    registered = register(manifest)
    assert registered.code == 1
    assert problem in registered.err
    assert "nothing was registered" in registered.err
    assert find(postgres_url, "good") is None


@pytest.mark.parametrize("manifest", ["{", "[]", {"a": 1}, {**APOLLO, "operations": [1]}])
def test_what_is_no_manifest_is_refused(register, manifest) -> None:
    assert register(manifest).code == 2


def test_manifest_of_apollo_without_text_is_refused() -> None:
    with pytest.raises(QueryError):
        read_manifest(json.dumps({**APOLLO, "operations": [{"id": "a"}]}).encode())


def test_file_that_is_not_there_is_one_line(run, tmp_path: Path) -> None:
    told = run("documents", "register", tmp_path / "none.json")
    assert told.code == 1
    assert "none.json" in told.err
