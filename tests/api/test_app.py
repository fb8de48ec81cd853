from __future__ import annotations

import re

import pytest
from graphql import get_introspection_query

from tests.data.served_courses import BIG, NOBODY, STAFF, STUDENTS, Served, serve

DASHBOARD = """
query Dashboard($course: ID!, $first: Int!) {
  course(key: $course) {
    title
    indicators {
      toyTime {
        n mean median p25 p75 activeLearners histogram { lower upper count }
        meta { asOf computedAt coverage status parameters { name value } }
      }
      toyChapters { rows { chapter { displayName } seconds } }
    }
    cohort(name: "Blue") { size indicators { toyTime { median } } }
    students(
      first: $first
      orderBy: { indicator: TOY_TIME, direction: DESC }
      filter: { gradeBand: [FAIL, PASS], yearOfBirth: { lte: 1994 } }
    ) {
      edges {
        node {
          username
          indicators {
            toyTime { seconds standing { percentile classMedian } }
            toyProgress { ratio pace }
            toyChapters { rows { chapter { key displayName } seconds } }
          }
        }
      }
      pageInfo { hasNextPage }
    }
  }
}
"""


async def test_dashboard_query_is_answered_in_one_request(served: Served) -> None:
    answer = await served.ask(DASHBOARD, user_id=STAFF, course=BIG, first=1)
    course = answer["data"]["course"]
    # 25 values 100 ... 2500: the middle one, and the quarters between them.
    time = course["indicators"]["toyTime"]
    assert (time["n"], time["median"], time["p25"], time["p75"]) == (25, 1300.0, 700.0, 1900.0)
    assert sum(bin_["count"] for bin_ in time["histogram"]) == 25
    assert (time["histogram"][0]["lower"], time["histogram"][-1]["upper"]) == (100.0, 2500.0)
    assert time["meta"] == {
        "asOf": "2026-03-01T00:00:00Z",
        "computedAt": "2026-03-01T02:00:00Z",
        "coverage": 1.0,
        "status": "READY",
        "parameters": [{"name": "tz", "value": "UTC"}],
    }
    assert course["cohort"] == {"size": 12, "indicators": {"toyTime": {"median": 650.0}}}
    # Born in 1994 or before: numbers 1 to 24. Most time: number 24, 96 % of 24 of 25 below.
    assert course["students"] == {
        "edges": [
            {
                "node": {
                    "username": "canary-700024",
                    "indicators": {
                        "toyTime": {
                            "seconds": 2400.0,
                            "standing": {"percentile": 94.0, "classMedian": 1300.0},
                        },
                        "toyProgress": {"ratio": 0.5, "pace": "SLOW"},
                        "toyChapters": {
                            "rows": [
                                {
                                    "chapter": {
                                        "key": "canary-chapter",
                                        "displayName": "Chapter canary-chapter",
                                    },
                                    "seconds": 30.0,
                                },
                                {"chapter": {"key": "_forum_", "displayName": None},
                                 "seconds": 30.0},
                            ]
                        },
                    },
                }
            }
        ],
        "pageInfo": {"hasNextPage": True},
    }  # fmt: skip


async def test_statements_do_not_grow_with_the_number_of_students(served: Served) -> None:
    counted = []
    for first in (1, 20, 100):
        before = served.database.statements
        answer = await served.ask(DASHBOARD, user_id=STAFF, course=BIG, first=first)
        assert len(answer["data"]["course"]["students"]["edges"]) == min(first, 24)
        counted.append(served.database.statements - before)
    assert counted[0] == counted[1] == counted[2]


async def test_statements_do_not_grow_with_the_number_of_cohorts(served: Served) -> None:
    counted = []
    for field in ('cohort(name: "Blue")', "cohorts"):
        before = served.database.statements
        await served.ask(
            f"query($c: ID!) {{ course(key: $c) {{ {field} {{ indicators"
            " { toyTime { median activeLearners } toyChapters { rows { seconds } } } } } }",
            user_id=STAFF,
            c=BIG,
        )
        counted.append(served.database.statements - before)
    assert counted[0] == counted[1]


async def test_only_what_is_asked_for_is_read(served: Served) -> None:
    before = served.database.statements
    await served.ask("query($c: ID!) { course(key: $c) { title } }", user_id=STAFF, c=BIG)
    assert served.database.statements - before == 2  # roles, course


async def test_question_may_come_by_get(served: Served) -> None:
    answer = await served.client.get("/graphql", params={"query": "{ indicators { key } }"})
    assert answer.status_code == 200
    assert {"key": "toy_time"} in answer.json()["data"]["indicators"]


async def test_media_type_is_the_one_the_client_prefers(served: Served) -> None:
    for accept, media_type, status in (
        ("application/json", "application/json", 200),
        ("application/graphql-response+json", "application/graphql-response+json", 400),
    ):
        answer = await served.client.post(
            "/graphql", json={"query": "{ nothing }"}, headers={"accept": accept}
        )
        assert (answer.headers["content-type"], answer.status_code) == (media_type, status)
        assert "data" not in answer.json()


async def test_token_that_does_not_hold_is_refused_as_a_whole(served: Served) -> None:
    token = served.token(STAFF)
    for authorization in (f"JWT {token[:-4]}AAAA", "JWT nonsense", "Basic abc", "JWT "):
        answer = await served.client.post(
            "/graphql",
            json={"query": "{ indicators { key } }"},
            headers={"authorization": authorization},
        )
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_bearer_is_as_good_as_jwt(served: Served) -> None:
    answer = await served.client.post(
        "/graphql",
        json={"query": "{ viewer { username } }"},
        headers={"authorization": f"Bearer {served.token(NOBODY)}"},
    )
    assert answer.json()["data"]["viewer"]["username"] == f"canary-{NOBODY}"


async def test_request_id_is_kept_or_made(served: Served) -> None:
    answer = await served.client.get("/graphql", headers={"x-request-id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.json()["errors"][0]["extensions"]["requestId"] == "abc-1"
    forged = await served.client.get("/graphql", headers={"x-request-id": "a b\tc"})
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["x-request-id"])


async def test_process_and_store_answer(served: Served) -> None:
    assert (await served.client.get("/healthz")).json() == {"status": "ok"}
    assert (await served.client.get("/readyz")).json() == {"status": "ready", "store": "ok"}


async def test_schema_is_at_a_stable_address(served: Served) -> None:
    text = (await served.client.get("/schema.graphql")).text
    assert "toyTime: StudentToyTime" in text


async def test_explorers_own_question_is_within_the_limits(served: Served) -> None:
    answer = await served.ask(
        get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    )
    assert "errors" not in answer


async def test_failing_indicator_does_not_empty_the_page(served: Served) -> None:
    answer = await served.ask(
        "query($c: ID!) { course(key: $c) { indicators { toyFailed { n } toyTime { n } } } }",
        user_id=STAFF,
        c=BIG,
    )
    assert answer["data"]["course"]["indicators"] == {"toyFailed": None, "toyTime": {"n": 25}}
    (error,) = answer["errors"]
    assert error["path"] == ["course", "indicators", "toyFailed"]
    assert error["extensions"]["code"] == "INDICATOR_FAILED"
    assert "canary-traceback" not in str(answer)


async def test_missing_source_is_null_with_its_reason(served: Served) -> None:
    answer = await served.ask(
        "query($c: ID!, $u: Int!) { course(key: $c) {"
        " indicators { toyMissing { rows { seconds } meta { missingSource status } } }"
        " student(userId: $u) { indicators { toyMissing { rows { seconds } } } } } }",
        user_id=STAFF,
        c=BIG,
        u=STUDENTS[0],
    )
    course = answer["data"]["course"]
    assert course["indicators"]["toyMissing"] == {
        "rows": None,
        "meta": {"missingSource": ["events"], "status": "READY"},
    }
    assert course["student"]["indicators"]["toyMissing"]["rows"] is None


async def test_indicator_that_was_not_computed_yet_is_pending(served: Served) -> None:
    answer = await served.ask(
        "query($c: ID!) { course(key: $c) { indicators { toyLater {"
        " n mean histogram { count } meta { status asOf version } } } } }",
        user_id=STAFF,
        c=BIG,
    )
    assert answer["data"]["course"]["indicators"]["toyLater"] == {
        "n": None,
        "mean": None,
        "histogram": None,
        "meta": {"status": "PENDING", "asOf": None, "version": 1},
    }


async def test_store_that_is_gone_is_an_error_that_may_pass(postgres_url: str) -> None:
    async with serve(postgres_url, []) as served:
        await served.database.close()
        answer = await served.ask("{ courses { nodes { key } } }", user_id=STAFF)
        assert answer["data"] == {"courses": None}
        (error,) = answer["errors"]
        assert error["message"] == "the store did not answer"
        assert error["extensions"]["retryable"] is True
        ready = await served.client.get("/readyz")
        assert ready.status_code == 503


@pytest.mark.parametrize("kind", ["Course", "Student"])
async def test_node_is_found_again_by_its_id(served: Served, kind: str) -> None:
    answer = await served.ask(
        "query($c: ID!, $u: Int!) { course(key: $c) { id student(userId: $u) { id } } }",
        user_id=STAFF,
        c=BIG,
        u=STUDENTS[0],
    )
    course = answer["data"]["course"]
    global_id = course["id"] if kind == "Course" else course["student"]["id"]
    answer = await served.ask(
        "query($id: ID!) { node(id: $id) { __typename id"
        " ... on Course { title indicators { toyTime { n } } }"
        " ... on Student { username indicators { toyTime { seconds } } } } }",
        user_id=STAFF,
        id=global_id,
    )
    expected = {
        "Course": {"title": "canary-title-big", "indicators": {"toyTime": {"n": 25}}},
        "Student": {
            "username": f"canary-{STUDENTS[0]}",
            "indicators": {"toyTime": {"seconds": 100.0}},
        },
    }
    assert answer["data"]["node"] == {"__typename": kind, "id": global_id, **expected[kind]}
