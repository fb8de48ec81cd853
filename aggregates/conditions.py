"""Filters and orders as SQL: identifiers from declarations, quoted; values only as arguments."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import date, datetime

from aggregates.fields import FieldRef
from aggregates.filters import (
    UNKNOWN,
    Cursor,
    OneOf,
    Order,
    Range,
    RosterColumn,
    StudentFilter,
)
from aggregates.layout import Layout
from aggregates.naming import literal, quote
from courselens.errors import BadParameter
from indicators.shape import Field, Kind

_ROSTER_TYPES: dict[str, str] = {
    **dict.fromkeys(typing.get_args(RosterColumn), "text"),
    "user_id": "bigint",
    "year_of_birth": "bigint",
    "enrolled_at": "timestamp with time zone",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "bigint": (int,),
    "double precision": (int, float),
    "text": (str,),
    "boolean": (bool,),
    "date": (date,),
    "timestamp with time zone": (datetime,),
}
_MEMBER_COLUMNS = {
    "cohorts": "cohort",
    "modes": "mode",
    "grade_bands": "grade_band",
    "genders": "gender",
    "levels_of_education": "level_of_education",
    "countries": "country",
}


_RANKS: dict[str, Mapping[str, int]] = {
    "level_of_education": {
        **{code: rank for rank, code in enumerate(("none", "el", "jhs", "hs", "a", "b", "m", "p"))},
        **dict.fromkeys(("p_se", "p_oth"), 7),
    },
    "grade_band": {band: rank for rank, band in enumerate(("not_done", "fail", "pass", "honours"))},
}
"""Columns of the roster whose texts have an order (catalogue 3.9); all others come after them."""
_RANGES = {Kind.INT: "float8", Kind.FLOAT: "float8", Kind.DAY: "date", Kind.INSTANT: "timestamptz"}
_SETS = frozenset({Kind.ENUM, Kind.STRING, Kind.BLOCK})


class StudentQuery:
    """One statement over a course's students (alias `s`) and the wide tables that it touches.

    Args:
        layout: the tables.
        first: the statement's first argument; `args` are all.
        course: expression of the course's id.
    """

    def __init__(self, layout: Layout, first: object, *, course: str = "$1") -> None:
        self._layout = layout
        self._aliases: dict[str, str] = {}
        self.course = course
        self.args: list[object] = [first]

    def argument(self, value: object) -> str:
        """Placeholder of a further argument."""
        self.args.append(value)
        return f"${len(self.args)}"

    def column(self, ref: FieldRef, *, standing: bool = False) -> str:
        """A scalar student field, or the percentile rank that goes with it.

        Raises:
            UnknownIndicator, BadParameter: nobody declares it.
        """
        table, _ = self._layout.field(ref)
        alias = self._aliases.setdefault(table.name, f"w{len(self._aliases)}")
        return f"{alias}.{quote(ref.standing_column if standing else ref.column)}"

    def joins(self, subject: str = "s.user_id") -> str:
        """The wide tables that were touched; each is bounded by the key, so no plan can scan it."""
        return "".join(
            f" LEFT JOIN {quote(name)} {alias}"
            f" ON {alias}.course_id = {self.course} AND {alias}.user_id = {subject}"
            for name, alias in self._aliases.items()
        )

    def conditions(self, who: StudentFilter) -> list[str]:
        """What holds for the students of a filter, beside being enrolled."""
        found: list[str] = []
        for attribute, column in _MEMBER_COLUMNS.items():
            allowed = getattr(who, attribute)
            if allowed:
                listed = f"s.{column} = ANY({self.argument(list(allowed))}::text[])"
                if UNKNOWN in allowed:
                    listed = f"({listed} OR s.{column} IS NULL OR s.{column} = '')"
                found.append(listed)
        if who.arms:
            found.append(
                f"EXISTS (SELECT 1 FROM memberships m WHERE m.course_id = {self.course} AND"
                f" m.user_id = s.user_id AND m.group_id = ANY({self.argument(list(who.arms))}))"
            )
        if who.year_of_birth:
            found.append(self._within("s.year_of_birth", who.year_of_birth, "float8"))
        for ref, wanted in who.values:
            _, field = self._layout.field(ref)
            found.append(self._holds(ref, field, wanted))
        return found

    def sort_key(self, order: Order) -> tuple[str, str]:
        """Expression and type that an order sorts by.

        Raises:
            BadParameter: it cannot be sorted by.
        """
        if isinstance(order.by, FieldRef):
            table, field = self._layout.field(order.by)
            if field.is_list:
                raise BadParameter("order_by", order.by.field, "a single value of one student")
            column = self.column(order.by)
            if field.enum_type is not None:
                ranks = {member.value: rank for rank, member in enumerate(field.enum_type)}
                return _ranked(column, ranks, order), "bigint"
            return column, table.columns[order.by.column]
        if order.by not in _ROSTER_TYPES:
            raise BadParameter("order_by", order.by, " | ".join(_ROSTER_TYPES))
        if order.by in _RANKS:
            return _ranked(f"s.{order.by}", _RANKS[order.by], order), "bigint"
        return f"s.{order.by}", _ROSTER_TYPES[order.by]

    def order_by(self, order: Order) -> str:
        """The ORDER BY list."""
        key, kind = self.sort_key(order)
        return f"{_collated(key, kind)} {_direction(order)} NULLS LAST, s.user_id"

    def after(self, order: Order, cursor: Cursor) -> str:
        """What holds for the students behind a cursor.

        Raises:
            BadParameter: the cursor belongs to another order.
        """
        key, kind = self.sort_key(order)
        user = f"{self.argument(cursor.user_id)}::bigint"
        if cursor.value is None:
            return f"({key} IS NULL AND s.user_id > {user})"
        if not _fits(cursor.value, kind):
            raise BadParameter("after", cursor.value, f"a cursor of the same order ({kind})")
        # With the column's own type: a bigint compared as float would lose its last digits.
        value = f"{self.argument(cursor.value)}::{kind}"
        behind = "<" if order.descending else ">"
        key = _collated(key, kind)
        return (
            f"({key} {behind} {value} OR ({key} = {value} AND s.user_id > {user}) OR {key} IS NULL)"
        )

    def _holds(self, ref: FieldRef, field: Field, wanted: Range | OneOf) -> str:
        column = self.column(ref)
        if isinstance(wanted, Range):
            if field.kind not in _RANGES or field.is_list:
                raise BadParameter("filter", ref.field, "a number, day or instant of one student")
            return self._within(column, wanted, _RANGES[field.kind])
        if field.kind is Kind.BOOL and not field.is_list:
            return f"{column} = ANY({self.argument(list(wanted.values))}::boolean[])"
        if field.kind not in _SETS:
            raise BadParameter("filter", ref.field, "texts, or true or false, of one student")
        values = f"{self.argument(list(wanted.values))}::text[]"
        listed = f"{column} && {values}" if field.is_list else f"{column} = ANY({values})"
        # Of an enum it is a value like any other.
        if UNKNOWN in wanted.values and field.kind is not Kind.ENUM:
            empty = "'{}'" if field.is_list else "''"
            listed = f"({listed} OR {column} IS NULL OR {column} = {empty})"
        return listed

    def _within(self, column: str, bounds: Range, kind: str) -> str:
        compared = (
            (">=", bounds.gte),
            ("<=", bounds.lte),
            (">", bounds.gt),
            ("<", bounds.lt),
        )
        within = " AND ".join(
            f"{column} {sign} {self.argument(_bound(bound))}::{kind}"
            for sign, bound in compared
            if bound is not None
        )
        if bounds.missing:
            return f"({within} OR {column} IS NULL)" if within else f"{column} IS NULL"
        return f"({within})" if within else "true"


def _bound(bound: object) -> object:
    # asyncpg takes no int for a float8.
    return float(bound) if isinstance(bound, int) else bound


def _ranked(column: str, ranks: Mapping[str, int], order: Order) -> str:
    """The place of a text among some; of others last in both directions, and null of none."""
    last = -1 if order.descending else len(ranks)
    cases = " ".join(f"WHEN {column} = {literal(text)} THEN {rank}" for text, rank in ranks.items())
    return (
        f"(CASE WHEN {column} IS NULL OR {column} = '' THEN NULL {cases} ELSE {last} END)::bigint"
    )


def _collated(key: str, kind: str) -> str:
    # By code point: every server then gives the same order.
    return f'{key} COLLATE "C"' if kind == "text" else key


def _direction(order: Order) -> str:
    return "DESC" if order.descending else "ASC"


def _fits(value: object, kind: str) -> bool:
    # A bool is an int and a datetime a date to isinstance, but not to PostgreSQL.
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, datetime):
        return kind == "timestamp with time zone"
    return isinstance(value, _PYTHON_TYPES[kind])
