"""Documents that are named instead of sent."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import GraphQLError

from aggregates.documents import CLIENT_DOCUMENTS, Documents, StoredDocument
from api.documents.accepted import AcceptedDocuments, Checker, DocumentRules
from api.documents.cost import Pricing
from api.documents.limits import Limits
from api.schema.assembled import assemble
from courselens.errors import BadParameter
from tests.data.served_courses import BIG, STAFF, Served, big_course, serve, served_registry

NAME = "{ viewer { username } }"
TITLE = "query Title($c: ID!) { course(key: $c) { title } }"
PAGE = "query Page($c: ID!) { course(key: $c) { students(first: 1000) { nodes { userId } } } }"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
async def served(postgres_url: str) -> AsyncIterator[Served]:
    async with serve(postgres_url, [big_course()]) as served:
        stored = [StoredDocument(f"sha256:{sha(text)}", text) for text in (TITLE, PAGE)]
        stored.append(StoredDocument("d41d8cd98f00b204e9800998ecf8427e", TITLE))
        await Documents(served.database).register(stored)
        yield served


async def send(served: Served, body: dict[str, Any], user_id: int | None = STAFF) -> Any:
    answer = await served.client.post("/graphql", json=body, headers=served.headers(user_id))
    return answer.json()


def code(answer: Any) -> str:
    (error,) = answer["errors"]
    return error["extensions"]["code"]


@pytest.mark.parametrize(
    "named",
    [
        {"documentId": f"sha256:{sha(TITLE)}"},
        {"documentId": "d41d8cd98f00b204e9800998ecf8427e"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha(TITLE)}}},
        {"extensions": {"persistedQuery": {"sha256Hash": "d41d8cd98f00b204e9800998ecf8427e"}}},
    ],
)
async def test_registered_document_is_answered_by_its_id(
    served: Served, named: dict[str, Any]
) -> None:
    for _ in range(2):
        answer = await send(served, {**named, "variables": {"c": BIG}})
        assert answer["data"]["course"]["title"] == "canary-title-big"


async def test_id_may_come_in_the_address(served: Served) -> None:
    answer = await served.client.get(
        "/graphql",
        params={"documentId": f"sha256:{sha(TITLE)}", "variables": f'{{"c":"{BIG}"}}'},
        headers=served.headers(STAFF),
    )
    assert answer.json()["data"]["course"]["title"] == "canary-title-big"


@pytest.mark.parametrize(
    "document_id", [f"sha256:{sha('other')}", "unknown", "", "a b", "x" * 1000, "sha256:\u0130"]
)
async def test_unknown_id_is_told_as_apollos_clients_expect(
    served: Served, document_id: str
) -> None:
    answer = await send(served, {"documentId": document_id})
    assert code(answer) == "PERSISTED_QUERY_NOT_FOUND"
    assert answer["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_only_registered_documents_have_large_pages(served: Served) -> None:
    answer = await send(served, {"documentId": f"sha256:{sha(PAGE)}", "variables": {"c": BIG}})
    assert len(answer["data"]["course"]["students"]["nodes"]) == 25
    answer = await send(served, {"query": PAGE, "variables": {"c": BIG}})
    assert code(answer) == "LIMIT_EXCEEDED"


async def test_id_must_be_that_of_the_text(served: Served) -> None:
    answer = await send(served, {"query": NAME, "documentId": f"sha256:{sha('x')}"})
    assert code(answer) == "BAD_REQUEST"


async def test_clients_register_nothing_unless_they_may(served: Served) -> None:
    asked = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha(NAME)}}}
    assert "data" in await send(served, {**asked, "query": NAME})
    assert await Documents(served.database).find(f"sha256:{sha(NAME)}") is None


async def test_clients_may_register_where_a_setting_says_so(postgres_url: str) -> None:
    asked = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha(NAME)}}}
    async with serve(postgres_url, [], rules=DocumentRules(from_clients=True)) as served:
        assert code(await send(served, asked)) == "PERSISTED_QUERY_NOT_FOUND"
        answer = await send(served, {**asked, "query": NAME}, None)
        assert code(answer) == "UNAUTHENTICATED"
        assert code(await send(served, asked)) == "PERSISTED_QUERY_NOT_FOUND"
        await send(served, {**asked, "query": NAME + " "})
        assert code(await send(served, asked)) == "PERSISTED_QUERY_NOT_FOUND"
    async with serve(postgres_url, [], rules=DocumentRules(from_clients=True)) as served:
        await send(served, {**asked, "query": NAME})
    async with serve(postgres_url, [], rules=DocumentRules(from_clients=True)) as served:
        answer = await send(served, asked)
        assert answer["data"]["viewer"]["username"] == f"canary-{STAFF}"
        assert answer["extensions"]["cost"]["limit"] == Limits().cost
    async with serve(postgres_url, [], rules=DocumentRules(registered_only=True)) as served:
        assert code(await send(served, asked)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_trusted_mode_answers_registered_documents_only(
    served: Served, postgres_url: str
) -> None:
    async with serve(postgres_url, [], rules=DocumentRules(registered_only=True)) as strict:
        assert code(await send(strict, {"query": TITLE})) == "DOCUMENT_REQUIRED"
        named = {"documentId": f"sha256:{sha(TITLE)}", "variables": {"c": BIG}}
        assert "data" in await send(strict, named)
        # Clients of Apollo send the text along when they were not understood.
        assert "data" in await send(strict, {**named, "query": TITLE})
        other = {"query": NAME, "documentId": f"sha256:{sha(NAME + ' # other')}"}
        assert code(await send(strict, other)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_an_id_keeps_its_text(served: Served) -> None:
    documents = Documents(served.database)
    with pytest.raises(BadParameter):
        await documents.register(
            [StoredDocument("fresh", NAME), StoredDocument(f"sha256:{sha(TITLE)}", NAME)]
        )
    assert await documents.find("fresh") is None


async def test_oldest_documents_of_clients_go(served: Served) -> None:
    documents = Documents(served.database)
    async with served.database.transaction() as connection:
        await connection.execute("DELETE FROM documents WHERE NOT is_trusted")
        await connection.execute(
            "INSERT INTO documents (document_id, body, is_trusted, registered_at)"
            " SELECT 'old' || n, 'x', false, to_timestamp(n) FROM generate_series(1, $1) n",
            CLIENT_DOCUMENTS,
        )
    await documents.remember("new", "{ a }")
    assert await documents.find("old1") is None
    assert await documents.find("old2") is not None
    assert await documents.find("new") is not None
    assert await documents.find(f"sha256:{sha(TITLE)}") is not None


def checker(introspection: bool = True) -> Checker:
    made = assemble(served_registry())
    pricing = Pricing(made.schema, made.catalog, is_live=False)
    return Checker(made.schema, pricing, Limits(), introspection=introspection)


async def test_accepted_document_is_kept_and_floods_push_out_other_texts_only() -> None:
    class Source:
        async def find(self, document_id: str) -> StoredDocument | None:
            return StoredDocument(document_id, TITLE)

        async def remember(self, document_id: str, body: str) -> None:
            raise AssertionError

    documents = AcceptedDocuments(checker(), Source(), DocumentRules())
    registered = await documents.accept(None, "one", may_register=False)
    first = await documents.accept(NAME, None, may_register=False)
    assert documents.known(NAME, None) is first
    for number in range(200):
        text = f"{NAME} # {number} {'x' * 1_500}"
        await documents.accept(text, None, may_register=False)
    assert documents.known(NAME, None) is None
    assert documents.known(text, None) is not None
    assert documents.known(None, "one") is registered


async def test_long_document_leaves_the_loop_alone() -> None:
    documents = AcceptedDocuments(checker(), None, DocumentRules())
    text = "{ viewer { username } } #" + "x" * 3_000
    accepted = await documents.accept(text, None, may_register=False)
    assert accepted.operation(None).node.selection_set.selections
    assert documents.known(text, None) is accepted


def test_operation_is_found_by_name() -> None:
    text = "query A { viewer { userId } } query B($s: Boolean!) { viewer { userId @skip(if: $s) } }"
    accepted = checker().check(text, is_registered=False)
    assert accepted.operation("B").conditions == ("s",)
    assert accepted.operation("A").conditions == ()
    for name in (None, "C", ""):
        with pytest.raises(GraphQLError):
            accepted.operation(name)


async def test_schema_is_not_told_where_a_setting_says_so(postgres_url: str) -> None:
    async with serve(postgres_url, [], rules=DocumentRules(introspection=False)) as served:
        answer = await send(served, {"query": "{ __schema { types { name } } }"})
        assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert (await served.client.get("/schema.graphql")).status_code == 404
        assert "errors" not in await send(served, {"query": "{ __typename }"})
