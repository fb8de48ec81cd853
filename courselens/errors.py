"""Every error the product raises on purpose, in one tree.

An error has a stable `code`, says whether trying again can help (`retryable`), keeps its facts as
attributes and builds its own message from them: what is wrong, where, and how to mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar


class CourselensError(Exception):
    """Base of all errors raised on purpose."""

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False


class SourceError(CourselensError):
    """A source of raw facts cannot be read, or says something impossible."""

    code = "SOURCE_INVALID"


class SourceNotFound(SourceError):
    """A path that was asked for does not exist, or holds nothing that can be read."""

    code = "SOURCE_NOT_FOUND"

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class SourceMalformed(SourceError):
    """A file of a source is broken as a whole; its good neighbours are still read."""

    def __init__(self, path: Path | str, reason: str, *, fix: str = "") -> None:
        self.path = path
        self.reason = reason
        self.fix = fix
        super().__init__(f"{path}: {reason}" + (f". {fix}" if fix else ""))


class SourceUnavailable(SourceError):
    """A server that holds the source did not answer within its deadline."""

    code = "SOURCE_UNAVAILABLE"
    retryable = True

    def __init__(self, source: str, deadline_seconds: float, *, reason: str = "") -> None:
        self.source = source
        self.deadline_seconds = deadline_seconds
        self.reason = reason
        why = (
            f"is unavailable: {reason}"
            if reason
            else f"did not answer within {deadline_seconds:g} s"
        )
        super().__init__(f"{source} {why}; try again later")


class SourceRefused(SourceError):
    """A server that holds the source answers, but will not or cannot do what is asked of it."""

    code = "SOURCE_REFUSED"

    def __init__(self, source: str, reason: str, fix: str) -> None:
        self.source = source
        self.reason = reason
        self.fix = fix
        super().__init__(f"{source}: {reason}. Fix: {fix}")


class MissingSource(SourceError):
    """The source lacks what a table rests on; results that need the table are null and say so."""

    code = "SOURCE_MISSING"

    def __init__(self, *names: str) -> None:
        self.names = names
        super().__init__(f"the source has no {' and no '.join(names)}; load a source that has")


class LakeError(SourceError):
    """The events lake is held by another process or written by an incompatible version."""

    code = "LAKE_UNUSABLE"


def one_line(exc: BaseException, *, longest: int = 500) -> str:
    """What an error of somebody else's code says, on one line."""
    return " ".join(str(exc).split())[:longest]


class PluginError(CourselensError):
    """An indicator, intermediate or dataset that cannot take part; names who and the fix."""

    code = "PLUGIN_INVALID"

    def __init__(self, plugin: str, problem: str, fix: str) -> None:
        self.plugin = plugin
        self.problem = problem
        self.fix = fix
        super().__init__(f"{plugin}: {problem}. Fix: {fix}")


class NotPortable(PluginError):
    """An expression uses an operation that gives other answers on another engine."""

    code = "PLUGIN_NOT_PORTABLE"


class QueryError(CourselensError):
    """A question that cannot be answered as asked; the asker can mend it."""

    code = "BAD_REQUEST"


class UnknownIndicator(QueryError):
    """No registered indicator has this key."""

    code = "UNKNOWN_INDICATOR"

    def __init__(self, key: str, near: Sequence[str] = ()) -> None:
        self.key = key
        self.near = tuple(near)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        super().__init__(
            f"no indicator is named {key!r}.{hint} `courselens indicators list` names them all"
        )


class UnknownCourse(QueryError):
    """The course is not in the source, or has no numbers yet."""

    code = "UNKNOWN_COURSE"

    def __init__(self, course_key: str, known: Sequence[str] = ()) -> None:
        self.course_key = course_key
        self.known = tuple(known)
        hint = f"; known: {', '.join(known)}" if known else ""
        super().__init__(f"there is no course {course_key!r}{hint}")


class BadParameter(QueryError):
    """A parameter is unknown to the indicator or outside its range."""

    code = "BAD_PARAMETER"

    def __init__(self, name: str, value: object, allowed: str) -> None:
        self.name = name
        self.value = value
        self.allowed = allowed
        super().__init__(f"parameter {name}={value!r}: allowed is {allowed}")


class LevelNotOffered(QueryError):
    """The indicator does not exist at the level that was asked for."""

    code = "LEVEL_NOT_OFFERED"

    def __init__(self, key: str, level: str, offered: Sequence[str]) -> None:
        self.key = key
        self.level = level
        self.offered = tuple(offered)
        super().__init__(f"{key} has no level {level!r}; it offers {', '.join(offered)}")


class BadCursor(QueryError):
    """A cursor that this product did not make, or made for another order."""

    code = "BAD_CURSOR"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"this cursor {reason}; begin again without `after`")


class LimitExceeded(QueryError):
    """A question that is larger than the API allows; ask for less at a time."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, what: str, found: int, allowed: int) -> None:
        self.what = what
        self.found = found
        self.allowed = allowed
        super().__init__(f"{what}: {found}, allowed are {allowed}; ask for less at a time")


class CostExceeded(QueryError):
    """A question that would cost more than one may; nothing of it was run."""

    code = "COST_EXCEEDED"

    def __init__(self, requested: int, limit: int) -> None:
        self.requested = requested
        self.limit = limit
        super().__init__(
            f"this would cost {requested} points, allowed are {limit}; "
            "ask for smaller pages or fewer fields"
        )


class RateLimited(QueryError):
    """The asker has used up their points for now."""

    code = "RATE_LIMITED"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"too much was asked for; try again in {retry_after_seconds} s")


class UnknownDocument(QueryError):
    """No document is registered under this id."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        # Apollo's clients send the text after an answer with exactly this message.
        super().__init__("PersistedQueryNotFound")


class DocumentRequired(QueryError):
    """Only registered documents are answered here."""

    code = "DOCUMENT_REQUIRED"

    def __init__(self) -> None:
        super().__init__("only registered documents are answered: send `documentId`")


class Overloaded(CourselensError):
    """There is as much to do as can be done in time."""

    code = "OVERLOADED"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"the server is busy; try again in {retry_after_seconds} s")


class IndicatorFailed(CourselensError):
    """An indicator could not be computed at the last refresh; the others are not affected."""

    code = "INDICATOR_FAILED"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"{key} failed at the last refresh of this course; its log says why")


class IndicatorOff(CourselensError):
    """Live code of a plugin failed so often that it is not asked for a while."""

    code = "INDICATOR_FAILED"

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        self.reason = reason
        super().__init__(f"{key} is switched off for a while, because it kept failing")


class DeadlineExceeded(CourselensError):
    """The answer was not ready in time."""

    code = "DEADLINE_EXCEEDED"
    retryable = True

    def __init__(self, deadline_seconds: float) -> None:
        self.deadline_seconds = deadline_seconds
        super().__init__(f"no answer within {deadline_seconds:g} s; ask for less, or try again")


class AccessError(CourselensError):
    """The viewer may not see what was asked for, or is nobody."""

    code = "FORBIDDEN"


class Unauthenticated(AccessError):
    """No token, or one that does not hold."""

    code = "UNAUTHENTICATED"


class BrokerError(CourselensError):
    """The broker cannot be used as it is configured; names the setting and the fix."""

    code = "BROKER_UNUSABLE"

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"COURSELENS_BROKER_URL: {problem}. Fix: {fix}")


class LeaseLost(CourselensError):
    """A task was stopped for so long that it was given to another worker; it changed nothing."""

    code = "LEASE_LOST"
    retryable = True  # if it is still held after all

    def __init__(self, work_id: int) -> None:
        self.work_id = work_id
        super().__init__(f"work {work_id} belongs to another worker by now")


class RetiredMeanwhile(CourselensError):
    """A refresh read its facts before a user in them was retired; it changed nothing."""

    code = "RETIRED_MEANWHILE"
    retryable = True

    def __init__(self, course_key: str) -> None:
        self.course_key = course_key
        super().__init__(f"{course_key}: somebody was retired meanwhile; refresh it again")


class UnknownWork(QueryError):
    """No piece of work has this id, or it is not one that was set aside."""

    code = "UNKNOWN_WORK"

    def __init__(self, work_id: int) -> None:
        self.work_id = work_id
        super().__init__(
            f"there is no parked or failed work {work_id}; `courselens status` names them"
        )


class StoreError(CourselensError):
    """The database of aggregates did not do what was asked in time."""

    code = "STORE_UNAVAILABLE"
    retryable = True


class TablesMissing(StoreError):
    """The tables are not those of the installed indicators: not migrated yet, or emptied."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the tables do not fit the installed indicators ({reason}); migrate the database first"
        )


class ResultRefused(StoreError):
    """A result that cannot be stored as it is; nothing of its course was changed."""

    code = "RESULT_REFUSED"
    retryable = False

    def __init__(self, indicator: str, column: str, problem: str, fix: str) -> None:
        self.indicator = indicator
        self.column = column
        self.problem = problem
        self.fix = fix
        super().__init__(f"{indicator}, {column}: {problem}. Fix: {fix}")
