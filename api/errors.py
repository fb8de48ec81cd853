"""Errors as clients see them: a closed list of codes, and nothing that was not meant for them."""

from __future__ import annotations

import enum
import traceback
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from courselens.errors import CourselensError

ERROR_LIMIT = 50
"""Most errors one answer tells."""

_STACK_CHARACTERS = 10_000

logger = structlog.get_logger(__name__)


class ErrorCode(enum.StrEnum):
    """Values of `extensions.code`; docs/reference/errors.md has a paragraph on each."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_REQUEST = "BAD_REQUEST"
    BAD_CURSOR = "BAD_CURSOR"
    BAD_PARAMETER = "BAD_PARAMETER"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    UNKNOWN_COURSE = "UNKNOWN_COURSE"
    UNKNOWN_INDICATOR = "UNKNOWN_INDICATOR"
    INDICATOR_FAILED = "INDICATOR_FAILED"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    INTERNAL = "INTERNAL"


def render_errors(errors: list[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The `errors` of an answer."""
    return [render_error(error, request_id) for error in errors[:ERROR_LIMIT]]


def render_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """One error: message, place, code, and whether trying again can help."""
    cause = _cause(error)
    rendered: dict[str, Any] = {"message": error.message}
    if error.locations:
        rendered["locations"] = [
            {"line": place.line, "column": place.column} for place in error.locations
        ]
    if error.path:
        rendered["path"] = list(error.path)
    if isinstance(cause, CourselensError):
        return {**rendered, **_told(cause, request_id)}
    if isinstance(error, GraphQLSyntaxError):
        code = ErrorCode.GRAPHQL_PARSE_FAILED
    elif cause is None and (not error.path or error.message.startswith("Argument ")):
        code = ErrorCode.GRAPHQL_VALIDATION_FAILED
    else:
        rendered["message"] = "internal error; its log entry has the request id"
        log_failure(cause or error, request_id, path=error.path)
        code = ErrorCode.INTERNAL
    return {**rendered, "extensions": _extensions(code, False, request_id)}


def render_refusal(error: CourselensError, request_id: str) -> dict[str, Any]:
    """An error of the request as a whole."""
    return _told(error, request_id)


def log_failure(error: Exception, request_id: str, *, path: list[str | int] | None = None) -> None:
    """Log what a client is not told.

    The stack is text of our own: a log formatter that shows local variables would write tokens and
    learners' data, and take minutes over a schema.
    """
    stack = "".join(traceback.format_exception(error))[-_STACK_CHARACTERS:]
    logger.error("request failed", request_id=request_id, path=path, stack=stack)


def internal_refusal(request_id: str) -> dict[str, Any]:
    """An error that says nothing but where to look."""
    return {
        "message": "internal error; its log entry has the request id",
        "extensions": _extensions(ErrorCode.INTERNAL, False, request_id),
    }


def _cause(error: GraphQLError) -> Exception | None:
    """What was raised, below however many errors of GraphQL's own."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _told(error: CourselensError, request_id: str) -> dict[str, Any]:
    """What a client may know of an error of ours; others than those listed are masked."""
    if error.code not in ErrorCode.__members__:
        log_failure(error, request_id)
        return internal_refusal(request_id)
    code = ErrorCode(error.code)
    if code is ErrorCode.STORE_UNAVAILABLE:
        logger.error("store unavailable", request_id=request_id, problem=str(error))
    message = "the store did not answer" if code is ErrorCode.STORE_UNAVAILABLE else str(error)
    return {"message": message, "extensions": _extensions(code, error.retryable, request_id)}


def _extensions(code: ErrorCode, retryable: bool, request_id: str) -> dict[str, Any]:
    return {"code": code.value, "retryable": retryable, "requestId": request_id}
