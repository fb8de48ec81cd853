"""The closed list of `extensions.code`, and what a client does about each."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class ErrorCode(enum.StrEnum):
    """Values of `extensions.code`; docs/reference/errors.md has a paragraph on each."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_REQUEST = "BAD_REQUEST"
    BAD_CURSOR = "BAD_CURSOR"
    BAD_PARAMETER = "BAD_PARAMETER"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    COST_EXCEEDED = "COST_EXCEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    DOCUMENT_REQUIRED = "DOCUMENT_REQUIRED"
    UNKNOWN_COURSE = "UNKNOWN_COURSE"
    UNKNOWN_INDICATOR = "UNKNOWN_INDICATOR"
    INDICATOR_FAILED = "INDICATOR_FAILED"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Explained:
    """What a code means and what to do; whether the same request can succeed later by itself."""

    text: str
    retryable: bool = False


EXPLAINED: Mapping[ErrorCode, Explained] = {
    ErrorCode.UNAUTHENTICATED: Explained(
        "Nobody is signed in, or the token does not hold; with a token that does not hold the "
        "answer's status is 401. Get a new token, send `Authorization: JWT <token>` (or `Bearer`)."
    ),
    ErrorCode.FORBIDDEN: Explained(
        "The viewer may not see this. A course that is not there looks the same as one that may "
        "not be seen. Roles are those of the platform; `courses` lists what may be seen."
    ),
    ErrorCode.BAD_REQUEST: Explained(
        "The request or an argument is not as it must be; the message says which. Status 400, "
        "405, 408, 413 or 415 where it is no GraphQL request at all."
    ),
    ErrorCode.BAD_CURSOR: Explained(
        "`after` is no cursor of this API, or belongs to a list in another order. Begin again "
        "without it."
    ),
    ErrorCode.BAD_PARAMETER: Explained("A value is outside what is allowed; the message names it."),
    ErrorCode.LIMIT_EXCEEDED: Explained(
        "The question is larger than what is answered; the message names the limit, what was found "
        "and what is allowed. Ask for less at a time."
    ),
    ErrorCode.COST_EXCEEDED: Explained(
        "The question would cost more points than one may; nothing of it was run. "
        "`extensions.cost` of every answer tells `requested` and `limit`. Ask for smaller pages "
        "or fewer fields, or register the document."
    ),
    ErrorCode.RATE_LIMITED: Explained(
        "The viewer has used up their points for now. Status 429; the header `Retry-After` says "
        "for how many seconds to wait.",
        retryable=True,
    ),
    ErrorCode.OVERLOADED: Explained(
        "The server has as much to do as it can do in time. Status 503; wait for as long as "
        "`Retry-After` says.",
        retryable=True,
    ),
    ErrorCode.PERSISTED_QUERY_NOT_FOUND: Explained(
        "No document is registered under this id. Register it with "
        "`courselens documents register`, or send its text."
    ),
    ErrorCode.DOCUMENT_REQUIRED: Explained(
        "This server answers registered documents only: send `documentId` instead of `query`."
    ),
    ErrorCode.UNKNOWN_COURSE: Explained(
        "There is no such course, or it has no numbers yet. Told to global staff only."
    ),
    ErrorCode.UNKNOWN_INDICATOR: Explained(
        "No installed indicator has this key; `indicators` lists them."
    ),
    ErrorCode.INDICATOR_FAILED: Explained(
        "The indicator could not be computed at the last refresh of the course. The others are "
        "not affected; the operator's log says why."
    ),
    ErrorCode.SOURCE_UNAVAILABLE: Explained(
        "A value is read from the platform's databases when it is asked for, and they did not "
        "give it within `COURSELENS_LIVE_DEADLINE_SECONDS`. The value is null, everything else is "
        "answered. Try again later; while a database is down this is said within milliseconds. "
        "The operator's log names the database and the reason.",
        retryable=True,
    ),
    ErrorCode.STORE_UNAVAILABLE: Explained(
        "The database did not answer in time. Try again.", retryable=True
    ),
    ErrorCode.DEADLINE_EXCEEDED: Explained(
        "The answer was not ready in time; what was still running was cancelled, in the database "
        "too. Ask for less, or try again.",
        retryable=True,
    ),
    ErrorCode.GRAPHQL_PARSE_FAILED: Explained(
        "The document is no GraphQL; `locations` says where."
    ),
    ErrorCode.GRAPHQL_VALIDATION_FAILED: Explained(
        "The document does not fit the schema, or a variable does not fit its type."
    ),
    ErrorCode.INTERNAL: Explained(
        "Something failed that should not have. Nothing more is told; the server's log has it "
        "under the request id."
    ),
}
