from __future__ import annotations

import pytest

from tests.data.served_courses import STAFF, Served

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 5000 + b"]" * 5000,
        b'{"query": "{ viewer { username } }", "variables": {"a": NaN}}',
        b'{"query": "{ viewer { username } }", "variables": {"a": ' + b"9" * 10_000 + b"}}",
        b'{"query": "\\ud800"}',
        b'{"query": "{ viewer { username } }", "variables": {"\\ud800": 1}}',
        b'\xef\xbb\xbf{"query": "{ viewer { username } }"}',
        b'{"query": "{ viewer { username } }", "variables": {"a": -Infinity}}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"documentId": 1}',
        b'{"extensions": []}',
        b'{"extensions": {"persistedQuery": []}}',
        b'{"extensions": {"persistedQuery": {"sha256Hash": 1}}}',
        b"\xff\xfe",
        b"null",
        b'"text"',
        b"{}",
        b'{"query": 1}',
        b'{"query": {"a": "b"}}',
        b'{"query": "{ viewer { username } }", "variables": []}',
        b'{"query": "{ viewer { username } }", "operationName": 1}',
        b'[{"query": "{ viewer { username } }"}]',
    ],
)
async def test_what_is_no_question_is_refused(served: Served, body: bytes) -> None:
    answer = await served.client.post("/graphql", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_packed_body_is_refused(served: Served) -> None:
    answer = await served.client.post(
        "/graphql", content=b"{}", headers={**JSON, "content-encoding": "gzip"}
    )
    assert answer.status_code == 415


async def test_answer_tells_few_errors_and_how_many_more_there_are(served: Served) -> None:
    fields = " ".join(f'a{n}: course(key: "{n}") {{ key }}' for n in range(9))
    answer = await served.ask(f"{{ {fields} }}", user_id=STAFF)
    assert len(answer["errors"]) == 5
    assert answer["extensions"]["errorsLeftOut"] == 4
    answer = await served.ask("{ " + "x" * 60_000 + " }")
    assert len(str(answer["errors"])) < 2_000


async def test_large_body_is_refused_whether_it_says_its_size_or_not(served: Served) -> None:
    body = b'{"query": "' + b" " * 65_536 + b'"}'

    async def chunks():
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    for content in (body, chunks()):
        answer = await served.client.post("/graphql", content=content, headers=JSON)
        assert answer.status_code == 413


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_forms_of_other_sites_are_refused(served: Served, media_type: str) -> None:
    answer = await served.client.post(
        "/graphql", content=b'{"query": "{__typename}"}', headers={"content-type": media_type}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "params",
    [{}, {"query": "{__typename}", "variables": "{"}, {"query": "{__typename}", "variables": "[]"}],
)
async def test_get_without_a_question_is_refused(served: Served, params: dict[str, str]) -> None:
    assert (await served.client.get("/graphql", params=params)).status_code == 400


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { a }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($c: ID!) { course(key: $c) { key } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int = 5) { courses(first: $n) { nodes { key } } }", {"n": None},
         "GRAPHQL_VALIDATION_FAILED"),
        ("query A { viewer { username } } query B { viewer { username } }", {},
         "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "a " * 1001 + "}", {}, "LIMIT_EXCEEDED"),
        ("{ a " * 300 + "}" * 300, {}, "LIMIT_EXCEEDED"),
        ("{ a(b: " + "[" * 450 + "]" * 450 + ") }", {}, "LIMIT_EXCEEDED"),
        ("query($c: ID!) { course(key: $c) { key } }", {"c": "a\x00b"}, "BAD_REQUEST"),
        ('{ course(key: "a\\u0000b") { key } }', {}, "BAD_REQUEST"),
        ("{ __typename }", {"a": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}, "LIMIT_EXCEEDED"),
        ("{ __typename }", {"a": list(range(251))}, "LIMIT_EXCEEDED"),
        ("{ courses(first: 101) { nodes { key } } }", {}, "LIMIT_EXCEEDED"),
        ("{ courses(first: -1) { nodes { key } } }", {}, "BAD_REQUEST"),
        ('{ courses(after: "x") { nodes { key } } }', {}, "BAD_CURSOR"),
        ('{ node(id: "x") { id } }', {}, "BAD_REQUEST"),
        ('{ course(key: "nowhere") { key } }', {}, "FORBIDDEN"),
    ],
)  # fmt: skip
async def test_bad_questions_have_a_code_and_no_stack(
    served: Served, query: str, variables: dict[str, object], code: str
) -> None:
    answer = await served.ask(query, user_id=STAFF, **variables)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["retryable"] is False
    assert set(error) <= {"message", "locations", "path", "extensions"}
