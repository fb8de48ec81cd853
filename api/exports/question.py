"""Which table is asked for, and of whom: names and values as they come from outside."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLObjectType, GraphQLSchema
from graphql.utilities import coerce_input_value, validate_input_value

from aggregates.filters import Order, StudentFilter
from api.access.policy import Access
from api.context import Catalog
from api.documents.limits import Limits, check_variables
from api.schema.fields import converted, given
from api.types.filters import read_filter, read_order
from courselens.domain import Level
from courselens.errors import BadParameter, QueryError

ROSTER = "roster"
"""The table of the students themselves; others are named by an indicator, but for `OWN`."""
OWN = "own"
"""All that the viewer may see of oneself, every table in one document."""
ALL = "all"
"""Among `indicators`: every one of which the viewer may see single students."""
PARAMETERS = ("level", "part", "indicators", "filter", "orderBy", "own")
_INPUTS = ("filter", "orderBy")
_OF_STUDENTS = (*_INPUTS, "own")


class Form(enum.StrEnum):
    """Forms of a file.

    `META` tells about the table instead of giving its rows; `JSON` is that of `OWN` and no other.
    """

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"
    META = "meta.json"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class ExportQuestion:
    """A table.

    Attributes:
        course_key: of which course.
        table: `ROSTER`, `OWN`, or the key of an indicator.
        level: whom an indicator's rows are about; of the roster always students.
        part: of an indicator's result; None: the first that it has of `rows`, `summary`, `values`.
        indicators: whose values stand beside the roster; `ALL` alone stands for all.
        filter: as the argument of `Course.students`, in plain JSON; None: all enrolled students.
        order_by: the same; None: by username.
        own: the viewer, whose rows alone are meant; None: those of all students.
    """

    course_key: str
    table: str
    level: Level = Level.COURSE
    part: str | None = None
    indicators: tuple[str, ...] = ()
    filter: Any = None
    order_by: Any = None
    own: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What was asked for, by the parameters' names."""
        asked = {
            "level": None if self.table in (ROSTER, OWN) else self.level.value,
            "part": self.part,
            "indicators": list(self.indicators) or None,
            "filter": self.filter,
            "orderBy": self.order_by,
            "own": None if self.own is None or self.table == OWN else True,
        }
        return {name: value for name, value in asked.items() if value is not None}


def read_export_question(
    course_key: str,
    table: str,
    parameters: Sequence[tuple[str, str]],
    limits: Limits,
    *,
    user_id: int | None,
) -> ExportQuestion:
    """A question from parameters as text, `filter` and `orderBy` as JSON.

    Args:
        course_key: of which course.
        table: which.
        parameters: names and texts.
        limits: how large they may be.
        user_id: the viewer, who is meant by `own`; None: nobody of the platform.

    Raises:
        QueryError: a parameter is unknown, comes twice, is no JSON, too large, or does not fit
            the table.
    """
    texts: dict[str, str] = {}
    for name, text in parameters:
        if name not in PARAMETERS:
            raise BadParameter(name, text, f"one of {' | '.join(PARAMETERS)} as a name")
        if name in texts:
            raise BadParameter(name, text, "given once")
        texts[name] = text
    check_variables(texts, limits)
    if table == OWN:
        for name, text in texts.items():
            raise BadParameter(name, text, f"no {name} with the table {OWN!r}")
        if user_id is None:
            raise BadParameter("table", OWN, "of a student")
        return ExportQuestion(course_key, OWN, Level.STUDENT, own=user_id)
    inputs = {name: _json(name, texts[name]) for name in _INPUTS if name in texts}
    check_variables(inputs, limits)
    keys = tuple(dict.fromkeys(key for key in texts.get("indicators", "").split(",") if key))
    is_roster = table == ROSTER
    for name in ("level", "part") if is_roster else ("indicators",):
        if name in texts:
            raise BadParameter(name, texts[name], f"no {name} with the table {table!r}")
    level = Level.STUDENT if is_roster else _level(texts.get("level", Level.COURSE.value))
    for name in _OF_STUDENTS if level is not Level.STUDENT else ():
        if name in texts:
            raise BadParameter(name, texts[name], f"no {name} but at level student")
    is_own = "own" in texts
    if is_own and (texts["own"] != "true" or user_id is None):
        raise BadParameter("own", texts["own"], "true, of a student")
    for name in inputs if is_own else ():
        raise BadParameter(name, texts[name], f"no {name} of own rows")
    return ExportQuestion(
        course_key,
        table,
        level,
        texts.get("part"),
        keys,
        inputs.get("filter"),
        inputs.get("orderBy"),
        user_id if is_own else None,
    )


def check_form(question: ExportQuestion, form: Form) -> None:
    """Refuse a form that the table does not have.

    Raises:
        BadParameter: it has not.
    """
    is_own = question.table == OWN
    if is_own != (form is Form.JSON):
        known = [Form.JSON] if is_own else [one for one in Form if one is not Form.JSON]
        raise BadParameter("form", form.value, " | ".join(known))


def read_students_wanted(
    schema: GraphQLSchema, catalog: Catalog, access: Access, question: ExportQuestion
) -> tuple[StudentFilter, Order]:
    """The filter and order of a question, as `Course.students` reads its arguments.

    Raises:
        QueryError: they do not fit the schema's inputs.
        AccessError: the viewer may not filter or order by profiles.
    """
    kind = schema.type_map["Course"]
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101 - every schema has it
    values = {"filter": question.filter, "orderBy": question.order_by}
    coerced: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        input_type = kind.fields["students"].args[name].type
        problems: list[GraphQLError] = []
        validate_input_value(value, input_type, lambda error, _: problems.append(error))  # noqa: B023 - called at once
        if problems:
            raise QueryError(f"{name}: {problems[0].message}")
        coerced[name] = coerce_input_value(value, input_type)
    arguments: Mapping[str, Any] = converted(schema, kind, "students", coerced)
    return (
        read_filter(catalog, access, given(arguments.get("filter"))),
        read_order(catalog, access, given(arguments.get("order_by"))),
    )


def parameter_text(value: Any) -> str:
    """A value of `ExportQuestion.as_json` as the parameter that it came from."""
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _level(text: str) -> Level:
    try:
        return Level(text)
    except ValueError:
        raise BadParameter("level", text, " | ".join(Level)) from None


def _json(name: str, text: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise BadParameter(name, text, "an object of the schema's input, as JSON")
    return value
