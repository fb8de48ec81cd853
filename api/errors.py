"""Errors as clients see them: nothing that was not meant for them."""

from __future__ import annotations

import traceback
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from api.codes import ErrorCode
from courselens.errors import CourselensError

ERROR_LIMIT = 5
"""Most errors one answer tells."""

MESSAGE_CHARACTERS = 500
"""Longest message: those of validation repeat names that clients write."""

_STACK_CHARACTERS = 10_000
_CHAIN_LENGTH = 8

logger = structlog.get_logger(__name__)


def render_errors(errors: list[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The `errors` of an answer."""
    return [render_error(error, request_id) for error in errors[:ERROR_LIMIT]]


def render_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """One error: message, place, code, and whether trying again can help."""
    cause = _cause(error)
    rendered: dict[str, Any] = {"message": _short(error.message)}
    if error.locations:
        rendered["locations"] = [
            {"line": place.line, "column": place.column} for place in error.locations
        ]
    if error.path:
        rendered["path"] = list(error.path)
    if isinstance(cause, CourselensError):
        return {**rendered, **_told(cause, request_id)}
    code = ErrorCode(code_of(error))
    if code is ErrorCode.INTERNAL:
        rendered["message"] = "internal error; its log entry has the request id"
        log_failure(cause or error, request_id, path=error.path)
    return {**rendered, "extensions": _extensions(code, False, request_id)}


def render_refusal(error: CourselensError, request_id: str) -> dict[str, Any]:
    """An error of the request as a whole."""
    return _told(error, request_id)


def log_failure(error: Exception, request_id: str, *, path: list[str | int] | None = None) -> None:
    """Log what a client is not told: types and places, no values.

    The messages of other libraries quote what they choked on, and a log formatter that shows local
    variables would write tokens and learners' data, and take minutes over a schema.
    """
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < _CHAIN_LENGTH:
        frames = "".join(traceback.format_tb(cause.__traceback__))
        chain.append(f"{type(cause).__module__}.{type(cause).__qualname__}\n{frames}")
        cause = cause.__cause__ or cause.__context__
    stack = "because of ".join(chain)[-_STACK_CHARACTERS:]
    logger.error("request failed", request_id=request_id, path=path, stack=stack)


def internal_refusal(request_id: str) -> dict[str, Any]:
    """An error that says nothing but where to look."""
    return {
        "message": "internal error; its log entry has the request id",
        "extensions": _extensions(ErrorCode.INTERNAL, False, request_id),
    }


def code_of(error: GraphQLError) -> str:
    """The `extensions.code` that an error is rendered with."""
    cause = _cause(error)
    if isinstance(cause, CourselensError):
        return cause.code if cause.code in ErrorCode.__members__ else ErrorCode.INTERNAL.value
    if isinstance(error, GraphQLSyntaxError):
        return ErrorCode.GRAPHQL_PARSE_FAILED.value
    if cause is None and (not error.path or error.message.startswith("Argument ")):
        return ErrorCode.GRAPHQL_VALIDATION_FAILED.value
    return ErrorCode.INTERNAL.value


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
    return {
        "message": _short(message),
        "extensions": _extensions(code, error.retryable, request_id),
    }


def _extensions(code: ErrorCode, retryable: bool, request_id: str) -> dict[str, Any]:
    return {"code": code.value, "retryable": retryable, "requestId": request_id}


def _short(message: str) -> str:
    return message if len(message) <= MESSAGE_CHARACTERS else message[:MESSAGE_CHARACTERS] + " …"
