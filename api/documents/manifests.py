"""Manifests of persisted documents, as the tools of client projects write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
from graphql import GraphQLError

from aggregates.documents import StoredDocument
from api.documents.accepted import SHA256, Checker, InvalidDocument, apollo_id, digest_of
from courselens.errors import QueryError

_APOLLO = "apollo-persisted-query-manifest"
_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}|x-[A-Za-z0-9._~-]+:[A-Za-z0-9._~-]+|sha256:[0-9a-f]{64}")


def read_manifest(content: bytes) -> list[tuple[str, str]]:
    """Ids and texts of a manifest: Apollo's, Relay's, or any other object of texts by id.

    Raises:
        QueryError: it is none of these.
    """
    try:
        manifest: Any = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise QueryError(f"no JSON: {error.msg}") from None
    if not isinstance(manifest, dict):
        raise QueryError("a manifest is an object: texts by id, or Apollo's format")
    pairs: list[tuple[Any, Any]] = list(manifest.items())
    if manifest.get("format") == _APOLLO:
        operations = manifest.get("operations")
        if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
            raise QueryError("the manifest's `operations` is no list of objects")
        pairs = [(one.get("id"), one.get("body")) for one in operations]
    for document_id, text in pairs:
        if not isinstance(document_id, str) or not isinstance(text, str):
            raise QueryError("every document of a manifest has an id and a text")
    return pairs


def check_manifest(
    documents: Sequence[tuple[str, str]], checker: Checker
) -> tuple[list[StoredDocument], list[str]]:
    """What is to be stored of a manifest, and what is wrong with it, a line each.

    A document is stored under its own id and under `sha256:<hash of its text>`.
    """
    stored: dict[str, StoredDocument] = {}
    problems: list[str] = []
    for document_id, text in documents:
        try:
            own_id, name = _check(document_id, text, checker)
        except InvalidDocument as invalid:
            problems += [f"{document_id}: {error.message}" for error in invalid.errors]
        except (QueryError, GraphQLError) as error:
            problems.append(f"{document_id}: {error}")
        else:
            for key in (SHA256 + digest_of(text), own_id):
                stored[key] = StoredDocument(key, text, name)
    return list(stored.values()), problems


def _check(document_id: str, text: str, checker: Checker) -> tuple[str, str | None]:
    """The id under which clients will ask for a document, and its operation's name."""
    own_id = apollo_id(document_id)
    if not _ID.fullmatch(own_id):
        raise QueryError("an id is letters, digits, `-._~`, at most 128 of them")
    if own_id.startswith(SHA256) and own_id != SHA256 + digest_of(text):
        raise QueryError("the id is a SHA-256, but not that of the text")
    accepted = checker.check(text, is_registered=True)
    return own_id, next(iter(accepted.operations)) or None
