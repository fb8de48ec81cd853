"""Schemathesis over the whole schema, against a server process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from courselens.tokens import issue_token, make_key
from tests.serving import ServerProcess, listen

EXAMPLES = int(os.environ.get("COURSELENS_TEST_EXAMPLES", "3"))
"""For each field of the query; `make fuzz` asks for more."""

REFUSALS = {
    "FORBIDDEN",
    "BAD_REQUEST",
    "BAD_CURSOR",
    "BAD_PARAMETER",
    "LIMIT_EXCEEDED",
    "COST_EXCEEDED",
    "GRAPHQL_VALIDATION_FAILED",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    with listen() as listener:
        server = ServerProcess(listener, home, database_url=postgres_url, points_per_minute=0)
        server.wait_until_started()
        yield server
        server.stop()


def test_every_field_answers_without_failing(server: ServerProcess) -> None:
    key = make_key(Path(server.home) / "keys")
    token = issue_token(key, user_id=1, username="somebody", now=datetime.now(UTC))
    schema = schemathesis.graphql.from_url(f"{server.address}/graphql")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 5
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(headers={"authorization": f"JWT {token}"})
            assert answer.status_code == 200, case.body
            # Generated keys and ids are nobody's: refusals are right, failures are not.
            codes = {one["extensions"]["code"] for one in answer.json().get("errors", ())}
            assert codes <= REFUSALS, (codes, case.body)

        ask()
