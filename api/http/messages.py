"""Requests read and answers written, as GraphQL over HTTP has it; nothing here trusts a client."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from random import getrandbits
from typing import Any

import msgspec
import orjson
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.documents.accepted import apollo_id
from api.documents.limits import Limits
from api.errors import ERROR_LIMIT, render_errors
from api.http.at_once import write_at_once
from api.operations import Answer, Question
from courselens.deadline import Deadline
from courselens.errors import CourselensError, QueryError, RateLimited

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
VARY = "Accept, Authorization, Cookie"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_VARIES = (b"vary", VARY.encode())
_NO_STORE = (b"cache-control", b"no-store")
_PRIVATE = (b"cache-control", b"private, no-cache")
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")

_HEADERS = "courselens.headers"
"""Where a request's headers by name are remembered: a look through them all costs more."""

_deadline_of = functools.cache(Deadline)


class Refused(Exception):
    """A request that is no question; `status` is HTTP's."""

    def __init__(self, status: int, cause: CourselensError) -> None:
        self.status = status
        self.cause = cause
        super().__init__(str(cause))


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's request id if it is a harmless one, else a new one; headers as ASGI has them."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode()
    return f"{getrandbits(128):032x}"  # no secret, so no system call


async def read_question(request: Request, limits: Limits) -> Question:
    """The question of a GET or POST request.

    Raises:
        Refused: it is too large, too slow, of another media type, or no question.
    """
    is_get = request.method == "GET"
    if is_get:
        fields: Any = dict(request.query_params)
        if sum(len(name) + len(text) for name, text in fields.items()) > limits.body_bytes:
            raise Refused(413, QueryError("the question is too large"))
        for name in ("variables", "extensions"):
            if name in fields:
                fields[name] = _json(fields[name].encode(errors="surrogatepass"))
    else:
        if _header(request, b"content-type").partition(b";")[0].strip().lower() != JSON.encode():
            raise Refused(415, QueryError(f"send the question as {JSON}"))
        if _header(request, b"content-encoding").lower() not in (b"", b"identity"):
            raise Refused(415, QueryError("send the question without a content encoding"))
        fields = _json(await _body(request, limits))
    client = request.scope.get("client")
    address = client[0] if client else ""
    is_streamed = takes_events(request)
    return question_of(fields, is_safe=is_get, is_streamed=is_streamed, address=address)


def takes_events(request: Request) -> bool:
    """Whether the client wants its answers as server-sent events."""
    return EVENT_STREAM.encode() in _header(request, b"accept")


def write_answer(request: Request, answer: Answer, request_id: str) -> Response:
    """An answer in the media type that the client prefers.

    An answer whose version is known may be kept by the client alone, who asks each time whether
    it is still good.
    """
    is_new_style = GRAPHQL_JSON.encode() in _header(request, b"accept")
    media_type = GRAPHQL_JSON if is_new_style else JSON
    kept = [_NO_STORE]
    if answer.version is not None and answer.status is None:
        tag = f'"{answer.version}{"-g" if is_new_style else ""}"'
        kept = [_PRIVATE, (b"etag", tag.encode())]
        if has_tag(request, tag):
            response = Response(None, 304)
            response.raw_headers = [*kept, _VARIES]
            return response
    body = answer.body
    if body is None:
        # One encoder for all: plans give structs, and equal answers must have equal bytes.
        body = msgspec.json.encode(answer_body(answer, request_id))
    if answer.keep is not None:
        answer.keep(body)
    cause = answer.errors[0].original_error if answer.is_refused else None
    retry_after = cause.retry_after_seconds if isinstance(cause, RateLimited) else None
    # Clients of plain JSON read errors from the body alone.
    status = answer.status or (400 if answer.is_refused and is_new_style else 200)
    response = _Written(body, 429 if retry_after else status, media_type, kept)
    if retry_after:
        response.headers["retry-after"] = str(retry_after)
    if status == 405:
        response.headers["allow"] = "POST"
    return response


def answer_body(answer: Answer, request_id: str) -> dict[str, Any]:
    """What a client is told of an answer, before it is made text."""
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = render_errors(answer.errors, request_id)
    if not answer.is_refused:
        body["data"] = answer.data
    extensions: dict[str, Any] = {}
    if answer.cost is not None:
        extensions["cost"] = {"requested": answer.cost.requested, "limit": answer.cost.limit}
    if len(answer.errors) > ERROR_LIMIT:
        extensions["errorsLeftOut"] = len(answer.errors) - ERROR_LIMIT
    if answer.deopt is not None:
        extensions["plan"] = {"deopt": answer.deopt}
    if extensions:
        body["extensions"] = extensions
    return body


def json_response(body: Any, status: int = 200, media_type: str = JSON) -> Response:
    """A JSON answer that no cache keeps."""
    return _Written(msgspec.json.encode(body), status, media_type, [_NO_STORE])


class _Written(Response):
    """JSON; Starlette's own responses make their headers anew each time."""

    def __init__(
        self, body: bytes, status: int, media_type: str, kept: list[tuple[bytes, bytes]]
    ) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [
            *kept,
            _VARIES,
            _NO_SNIFFING,
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media_type.encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not write_at_once(send, self.status_code, self.raw_headers, self.body):
            await super().__call__(scope, receive, send)


def _header(connection: HTTPConnection, name: bytes) -> bytes:
    """A header's value, the last of several; empty where there is none."""
    scope = connection.scope
    headers: dict[bytes, bytes] | None = scope.get(_HEADERS)
    if headers is None:
        headers = scope[_HEADERS] = dict(scope["headers"])
    return headers.get(name, b"")


async def _body(request: Request, limits: Limits) -> bytearray:
    """The body, refused as soon as it is known to be too large."""
    body = bytearray()
    try:
        with _deadline_of(limits.body_seconds).started():
            is_whole = False
            while not is_whole:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > limits.body_bytes:
                    raise Refused(413, QueryError(f"over {limits.body_bytes} bytes"))
                is_whole = not message.get("more_body", False)
    except TimeoutError:
        raise Refused(408, QueryError("the question did not come in time")) from None
    except ClientDisconnect:
        raise Refused(400, QueryError("the question ends before its end")) from None
    return body


def _json(text: bytes | bytearray) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise Refused(400, QueryError(f"no JSON: {exc.msg}")) from None


def question_of(
    fields: Any, *, is_safe: bool = False, is_streamed: bool = False, address: str = ""
) -> Question:
    """The question that a client's JSON is; see `Question`.

    Raises:
        Refused: it is none.
    """
    if isinstance(fields, list):
        raise Refused(400, QueryError("one question at a time: batches are not answered"))
    if not isinstance(fields, dict):
        raise Refused(400, QueryError('send {"query": "…", "variables": {…}}'))
    query, document_id = _text(fields, "query"), _document_id(fields)
    if query is None and document_id is None:
        raise Refused(400, QueryError('send {"query": "…", "variables": {…}}'))
    return Question(
        query,
        _object(fields, "variables"),
        _text(fields, "operationName") or None,
        document_id,
        is_safe=is_safe,
        is_streamed=is_streamed,
        address=address,
    )


def _document_id(fields: dict[str, Any]) -> str | None:
    """The id of a registered document, in either way of naming one."""
    document_id = _text(fields, "documentId")
    if document_id is not None:
        return document_id
    apollo = _object(_object(fields, "extensions") or {}, "persistedQuery")
    given = _text(apollo, "sha256Hash") if apollo else None
    return None if given is None else apollo_id(given)


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(400, QueryError(f"{name} must be text"))
    return value


def _object(fields: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, dict):
        raise Refused(400, QueryError(f"{name} must be an object"))
    return value


def has_tag(request: Request, tag: str) -> bool:
    """Whether a client that only reads has this version already; a weak tag is as good here."""
    if request.method not in ("GET", "HEAD"):
        return False
    tags = request.headers.get("if-none-match", "").split(",")
    return tag in [one.strip().removeprefix("W/") for one in tags]
