"""Which students, in which order, from where on: plain values, without SQL."""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import orjson

from aggregates.fields import FieldRef
from courselens.errors import BadParameter

RosterColumn = Literal[
    "user_id",
    "username",
    "mode",
    "cohort",
    "grade_band",
    "year_of_birth",
    "gender",
    "level_of_education",
    "country",
    "enrolled_at",
]
Bound = int | float | date | datetime
SortValue = int | float | str | bool | date | datetime | None
_INT64 = 2**63

UNKNOWN = "unknown"
"""Among the texts of a filter: who has none."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, day or instant; an absent one does not bind.

    A missing value lies in no range. With `missing` those who have none are meant too, or alone
    where there are no bounds.
    """

    gte: Bound | None = None
    lte: Bound | None = None
    gt: Bound | None = None
    lt: Bound | None = None
    missing: bool = False

    def __post_init__(self) -> None:
        for bound in (self.gte, self.lte, self.gt, self.lt):
            if isinstance(bound, float) and math.isnan(bound):
                raise BadParameter("range", bound, "a number")


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of some texts, or true or false; of a field that is a list, one of its items."""

    values: tuple[str | bool, ...]


@dataclass(frozen=True, slots=True)
class StudentFilter:
    """Who is meant: every condition holds, and within one any of its values.

    Nothing given means all enrolled students (`L`). Among texts `unknown` stands for whoever has
    none. `arms` are group ids `arm:PARTITION:GROUP`.
    """

    cohorts: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    grade_bands: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    levels_of_education: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    year_of_birth: Range | None = None
    values: tuple[tuple[FieldRef, Range | OneOf], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """By what students are sorted: missing values last, ties by user id, in both directions."""

    by: FieldRef | RosterColumn = "user_id"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a student in an order: the value sorted by, and who."""

    value: SortValue
    user_id: int

    def encode(self) -> str:
        """The cursor as opaque text."""
        value: object = self.value
        tag = "v"
        if isinstance(value, datetime):
            tag, value = "i", value.astimezone(UTC).isoformat()
        elif isinstance(value, date):
            tag, value = "d", value.isoformat()
        return base64.urlsafe_b64encode(orjson.dumps([tag, value, self.user_id])).decode()

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Read what `encode` wrote.

        Raises:
            BadParameter: it is something else.
        """
        try:
            tag, value, user_id = orjson.loads(
                base64.b64decode(text, altchars=b"-_", validate=True)
            )
            if tag == "i":
                value = datetime.fromisoformat(value)
            elif tag == "d":
                value = date.fromisoformat(value)
            elif tag != "v":
                raise ValueError(tag)
            sortable = value is None or isinstance(value, int | float | str | date)
            whole = type(user_id) is int and -_INT64 <= user_id < _INT64
            if not whole or not sortable or (type(value) is int and abs(value) >= _INT64):
                raise ValueError(text)
        except (ValueError, TypeError, binascii.Error):
            raise BadParameter("after", text, "a cursor that this API gave") from None
        return cls(value, user_id)
