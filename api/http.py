"""Requests read and answers written, as GraphQL over HTTP has it; nothing here trusts a client."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.errors import render_errors
from api.limits import Limits
from api.operations import Answer, Question
from courselens.errors import CourselensError, QueryError

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Refused(Exception):
    """A request that is no question; `status` is HTTP's."""

    def __init__(self, status: int, cause: CourselensError) -> None:
        self.status = status
        self.cause = cause
        super().__init__(str(cause))


def request_id_of(request: Request) -> str:
    """The caller's request id if it is a harmless one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


async def read_question(request: Request, limits: Limits) -> Question:
    """The question of a GET or POST request.

    Raises:
        Refused: it is too large, too slow, of another media type, or no question.
    """
    if request.method == "GET":
        fields: Any = dict(request.query_params)
        if sum(len(name) + len(text) for name, text in fields.items()) > limits.body_bytes:
            raise Refused(413, QueryError("the question is too large"))
        for name in ("variables", "extensions"):
            if name in fields:
                fields[name] = _json(fields[name].encode(errors="surrogatepass"))
    else:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != JSON:
            raise Refused(415, QueryError(f"send the question as {JSON}"))
        fields = _json(await _body(request, limits))
    return _question(fields)


def write_answer(request: Request, answer: Answer, request_id: str) -> Response:
    """An answer in the media type that the client prefers."""
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = render_errors(answer.errors, request_id)
    if not answer.is_refused:
        body["data"] = answer.data
    is_new_style = GRAPHQL_JSON in request.headers.get("accept", "")
    # Clients of plain JSON read errors from the body alone.
    status = 400 if answer.is_refused and is_new_style else 200
    return json_response(body, status, GRAPHQL_JSON if is_new_style else JSON)


def json_response(body: Any, status: int = 200, media_type: str = JSON) -> Response:
    """A JSON answer that no cache keeps."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(orjson.dumps(body), status, headers, media_type)


async def _body(request: Request, limits: Limits) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.deadline_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.body_bytes:
                    raise Refused(413, QueryError(f"over {limits.body_bytes} bytes"))
                chunks.append(chunk)
    except TimeoutError:
        raise Refused(408, QueryError("the question did not come in time")) from None
    except ClientDisconnect:
        raise Refused(400, QueryError("the question ends before its end")) from None
    return b"".join(chunks)


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise Refused(400, QueryError(f"no JSON: {exc.msg}")) from None


def _question(fields: Any) -> Question:
    if isinstance(fields, list):
        raise Refused(400, QueryError("one question at a time: batches are not answered"))
    if not isinstance(fields, dict) or not isinstance(fields.get("query"), str):
        raise Refused(400, QueryError('send {"query": "…", "variables": {…}}'))
    variables, name = fields.get("variables"), fields.get("operationName")
    if variables is not None and not isinstance(variables, dict):
        raise Refused(400, QueryError("variables must be an object"))
    if name is not None and not isinstance(name, str):
        raise Refused(400, QueryError("operationName must be text"))
    return Question(fields["query"], variables, name or None)
