"""A small client of the GraphQL API: typed answers, errors by code, patience where it helps."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
import msgspec

T = TypeVar("T")

UNREACHABLE = "UNREACHABLE"
"""This client's own code, where no answer of the API came; the others are the API's."""
_FIRST_PAUSE_SECONDS = 0.5


class Extensions(msgspec.Struct, frozen=True, rename="camel"):
    """What kind of error it is.

    Attributes:
        code: of the enum `ErrorCode` of the schema.
        retryable: trying the same again can help.
        request_id: tell it to the operator, the server's log has it.
    """

    code: str
    retryable: bool
    request_id: str | None = None


class ApiError(msgspec.Struct, frozen=True):
    """One entry of `errors`; `path` leads to the field that is null because of it."""

    message: str
    extensions: Extensions
    path: list[str | int] = []


class RequestFailed(Exception):
    """There are no data; `code` and `retryable` say why and whether to try later."""

    def __init__(self, errors: list[ApiError], status: int | None) -> None:
        self.errors = errors
        self.status = status
        self.code = errors[0].extensions.code
        self.retryable = all(error.extensions.retryable for error in errors)
        super().__init__(f"{self.code}: {errors[0].message}")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """Data, and what failed below them: a field with an error is null, others are answered."""

    data: T
    errors: list[ApiError]

    def complete(self) -> T:
        """The data.

        Raises:
            RequestFailed: some of them are missing because of an error.
        """
        if self.errors:
            raise RequestFailed(self.errors, None)
        return self.data


class _Body(msgspec.Struct, frozen=True):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[ApiError] = []


class Client:
    """Asks questions of one viewer; use it as a context manager, or close it.

    Args:
        endpoint: `https://…/graphql`.
        token: gives the token to send. After a 401 it is asked once more, and told what was
            refused.
        attempts: how often to ask at most.
        timeout_seconds: how long to go on asking, waiting and asking again.
    """

    def __init__(
        self,
        endpoint: str,
        token: Callable[[str | None], str],
        *,
        attempts: int = 4,
        timeout_seconds: float = 30.0,
    ) -> None:
        self._endpoint = endpoint
        self._token = token
        self._attempts = attempts
        self._timeout_seconds = timeout_seconds
        self._http = httpx.Client()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, query: str, variables: Mapping[str, Any], shape: type[T]) -> Answer[T]:
        """The answer to a question, its data as `shape`.

        Asks again where that can help, after as long as the server says (`Retry-After`).

        Raises:
            RequestFailed: there are no data.
            msgspec.ValidationError: the data are not of this shape; the message says where.
        """
        until = time.monotonic() + self._timeout_seconds
        attempt = 0
        while True:
            attempt += 1
            pause = _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.random()  # noqa: S311
            try:
                response = self._send({"query": query, "variables": variables}, until)
            except httpx.TransportError as error:
                failed = RequestFailed([_unreachable(repr(error))], None)
            else:
                body = _read(response)
                if bytes(body.data) != b"null":
                    return Answer(msgspec.json.decode(body.data, type=shape), body.errors)
                errors = body.errors or [_unreachable("an answer without data")]
                failed = RequestFailed(errors, response.status_code)
                pause = _told(response) or pause
            is_last = attempt >= self._attempts or time.monotonic() + pause >= until
            if is_last or not failed.retryable:
                raise failed
            time.sleep(pause)

    def _send(self, question: Mapping[str, Any], until: float) -> httpx.Response:
        """One question; two where a token has run out."""
        token = self._token(None)
        response = self._post(question, token, until)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            response = self._post(question, self._token(token), until)
        return response

    def _post(self, question: Mapping[str, Any], token: str, until: float) -> httpx.Response:
        return self._http.post(
            self._endpoint,
            json=question,
            headers={"authorization": f"JWT {token}"},
            timeout=max(0.001, until - time.monotonic()),
        )


def _read(response: httpx.Response) -> _Body:
    try:
        return msgspec.json.decode(response.content, type=_Body)
    except msgspec.DecodeError:  # a proxy has answered
        return _Body(errors=[_unreachable(f"HTTP {response.status_code}")])


def _told(response: httpx.Response) -> float | None:
    """Seconds that the server wants to be left alone; it never says a date."""
    told = response.headers.get("retry-after", "")
    return float(told) if told.isdecimal() else None


def _unreachable(message: str) -> ApiError:
    return ApiError(message, Extensions(UNREACHABLE, retryable=True))
