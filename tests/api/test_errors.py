from __future__ import annotations

import pytest
from graphql import GraphQLError

from api.codes import EXPLAINED, ErrorCode
from api.errors import ERROR_LIMIT, log_failure, render_error, render_errors
from courselens.errors import (
    AccessError,
    CourselensError,
    DeadlineExceeded,
    IndicatorFailed,
    QueryError,
    StoreError,
)
from courselens.telemetry import configure_logging


def families(base: type[CourselensError]) -> set[type[CourselensError]]:
    return {base}.union(*(families(child) for child in base.__subclasses__()))


def test_every_error_of_a_question_has_a_listed_code() -> None:
    asked = set().union(
        *map(families, (QueryError, AccessError, StoreError, IndicatorFailed, DeadlineExceeded))
    )
    # Levels are fields of the schema, refused results are for whoever refreshes, and work is
    # asked about on the command line.
    elsewhere = {"LEVEL_NOT_OFFERED", "RESULT_REFUSED", "UNKNOWN_WORK"}
    assert {error.code for error in asked} - elsewhere <= set(ErrorCode)


def test_every_code_is_explained_and_as_retryable_as_its_errors_are() -> None:
    assert set(EXPLAINED) == set(ErrorCode)
    for error in families(CourselensError):
        if error.code in set(ErrorCode):
            assert error.retryable is EXPLAINED[ErrorCode(error.code)].retryable, error


def test_log_tells_types_and_places_but_no_values(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    canary = "-".join(("canary", "value"))
    try:
        try:
            int(canary)
        except ValueError as cause:
            raise KeyError(canary) from cause
    except KeyError as error:
        log_failure(error, "id-1", path=["a", 0])
    logged = capfd.readouterr().err
    assert canary not in logged
    assert "builtins.KeyError" in logged
    assert "builtins.ValueError" in logged
    assert "test_errors.py" in logged


def test_unexpected_error_is_masked() -> None:
    error = GraphQLError("secret", path=["a"], original_error=ValueError("secret"))
    rendered = render_error(error, "id-1")
    assert "secret" not in str(rendered)
    assert rendered["extensions"] == {
        "code": "INTERNAL",
        "retryable": False,
        "requestId": "id-1",
    }


def test_error_that_is_not_for_clients_is_masked() -> None:
    class Surprise(CourselensError):
        code = "SURPRISE"

    error = GraphQLError("x", original_error=Surprise("secret"))
    assert render_error(error, "id-1")["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(render_error(error, "id-1"))


def test_our_errors_say_what_is_wrong_and_whether_to_try_again() -> None:
    late = DeadlineExceeded(2)
    rendered = render_error(GraphQLError("x", path=["a", 0], original_error=late), "id-1")
    assert rendered == {
        "message": "no answer within 2 s; ask for less, or try again",
        "path": ["a", 0],
        "extensions": {"code": "DEADLINE_EXCEEDED", "retryable": True, "requestId": "id-1"},
    }


def test_answer_does_not_swell_with_its_errors() -> None:
    assert len(render_errors([GraphQLError("x")] * 1000, "id-1")) == ERROR_LIMIT
