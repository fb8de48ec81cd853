"""Result types: plain dataclasses read into columns, so that plan, store and API agree on them.

A result is a frozen dataclass. Fields of a scalar kind are its `values`, one row per subject.
A field that is a list of another dataclass (or one such dataclass) is a *part*: rows keyed by the
subject and the part's own keys, which are annotated with `Key`.

    @dataclass(frozen=True, slots=True)
    class ChapterTime:
        chapter: Annotated[BlockKey, Key("Chapter of the course.")]
        seconds: Annotated[float | None, Value("Time located in it.", unit="seconds")]

    @dataclass(frozen=True, slots=True)
    class ChapterTimeDistribution:
        rows: list[ChapterTime]
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, NewType

BlockKey = NewType("BlockKey", str)
"""Usage key of a block, or a pseudo-block such as `_forum_`."""

VALUES = "values"
"""Name of the part that holds a result's scalar fields."""


@dataclass(frozen=True, slots=True)
class Key:
    """Marks a field as one of the keys that tell a part's rows apart.

    Attributes:
        description: what it names, for users of the API.
    """

    description: str


@dataclass(frozen=True, slots=True)
class Value:
    """Describes a measured field.

    Attributes:
        description: what was measured, and what null means, for users of the API.
        unit: seconds, days, count, share, percent, ...; None where the name says it.
    """

    description: str
    unit: str | None = None


class Kind(enum.StrEnum):
    """What a field holds; in tables a day is days since 1970, an instant microseconds since."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    STRING = "string"
    DAY = "day"
    INSTANT = "instant"
    BLOCK = "block"
    ENUM = "enum"


_KINDS: dict[object, Kind] = {
    int: Kind.INT,
    float: Kind.FLOAT,
    bool: Kind.BOOL,
    str: Kind.STRING,
    date: Kind.DAY,
    datetime: Kind.INSTANT,
    BlockKey: Kind.BLOCK,
}

NUMERIC = frozenset({Kind.INT, Kind.FLOAT})


_COUNTED_UNITS = frozenset({"seconds", "days", "count", "counts"})
_MEASURED_UNITS = frozenset({"ratio", "share", "rate", "percent", "points", "hours", "minutes"})
_NOT_ADDED = frozenset(
    {
        "mean", "median", "sd", "variance", "deviation", "ratio", "share", "rate", "percent",
        "points", "index", "rank", "position", "pdh", "pwd", "normalised", "lower", "upper",
        "minimum", "maximum", "low", "high",
    }
)  # fmt: skip
"""Words in a field's name that say that it is no amount (catalogue 2.2)."""


class ShapeError(Exception):
    """A result type holds something that cannot be expressed; `fix` says what to write instead."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}. Fix: {fix}")


@dataclass(frozen=True, slots=True)
class Field:
    """One scalar field: `name` as in the catalogue, `attribute` as in Python (`pass_`)."""

    name: str
    attribute: str
    kind: Kind
    nullable: bool
    is_list: bool
    is_key: bool
    description: str
    unit: str | None
    enum_type: type[enum.Enum] | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether summaries, filters, order and standing apply."""
        return self.kind in NUMERIC and not self.is_list


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a result: its keys beside the subject, and its values."""

    name: str
    row_type: type
    many: bool
    keys: tuple[Field, ...]
    values: tuple[Field, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """Keys, then values."""
        return self.keys + self.values


@dataclass(frozen=True, slots=True)
class Shape:
    """A result type, read. `parts` begins with `values` if there are scalar fields."""

    result_type: type
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part | None:
        """The part of this name."""
        return next((part for part in self.parts if part.name == name), None)

    @property
    def values(self) -> tuple[Field, ...]:
        """Scalar fields of the result."""
        part = self.part(VALUES)
        return part.values if part else ()


def adds_up(field: Field) -> bool:
    """Whether a sum over students says something: seconds and counts (catalogue 1.11)."""
    words = field.name.split("_")
    if not field.is_numeric or not _NOT_ADDED.isdisjoint(words):
        return False
    if field.unit in _COUNTED_UNITS:
        return True
    if field.unit in _MEASURED_UNITS:
        return False
    return field.kind is Kind.INT or "seconds" in words


def read_shape(result_type: type) -> Shape:
    """Read a result type.

    Raises:
        ShapeError: it is no dataclass, or a field cannot be expressed in tables and GraphQL.
    """
    scalars: list[Field] = []
    parts: list[Part] = []
    for name, hint in _hints(result_type).items():
        row_type, many = _row_type(hint)
        if row_type is None:
            scalars.append(_read_field(result_type, name, hint))
        else:
            fields = [_read_field(row_type, n, h) for n, h in _hints(row_type).items()]
            keys = tuple(field for field in fields if field.is_key)
            if many and not keys:
                raise ShapeError(
                    f"{row_type.__name__} has no key, so its rows cannot be told apart",
                    "annotate the fields that tell rows apart: Annotated[..., Key(...)]",
                )
            values = tuple(field for field in fields if not field.is_key)
            parts.append(Part(_public(name), row_type, many, keys, values))
    if any(field.is_key for field in scalars):
        raise ShapeError(
            f"{result_type.__name__} has a Key at top level",
            "put keyed fields into a row dataclass",
        )
    if scalars:
        parts.insert(0, Part(VALUES, result_type, False, (), tuple(scalars)))
    if not parts:
        raise ShapeError(f"{result_type.__name__} has no field", "declare at least one field")
    return Shape(result_type, tuple(parts))


def _public(attribute: str) -> str:
    return attribute.rstrip("_")


def _hints(result_type: type) -> dict[str, Any]:
    if not dataclasses.is_dataclass(result_type):
        raise ShapeError(
            f"{getattr(result_type, '__name__', result_type)!s} is no dataclass",
            "write it as @dataclass(frozen=True, slots=True)",
        )
    try:
        hints = typing.get_type_hints(result_type, include_extras=True)
    except NameError as exc:
        raise ShapeError(
            f"the annotations of {result_type.__name__} cannot be resolved ({exc})",
            "import their types at module level, not under TYPE_CHECKING",
        ) from exc
    return {field.name: hints[field.name] for field in dataclasses.fields(result_type)}


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        if len(members) == 1:
            return members[0], True
    return hint, False


def _row_type(hint: Any) -> tuple[type | None, bool]:
    if typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    hint, _ = _without_none(hint)
    many = typing.get_origin(hint) is list
    if many:
        (hint,) = typing.get_args(hint)
    is_row = isinstance(hint, type) and dataclasses.is_dataclass(hint)
    return (hint, many) if is_row else (None, False)


def _read_field(owner: type, attribute: str, hint: Any) -> Field:
    notes: tuple[Any, ...] = ()
    if typing.get_origin(hint) is Annotated:
        hint, *extras = typing.get_args(hint)
        notes = tuple(extras)
    hint, nullable = _without_none(hint)
    is_list = typing.get_origin(hint) is list
    if is_list:
        (hint,) = typing.get_args(hint)
    enum_type = hint if isinstance(hint, type) and issubclass(hint, enum.Enum) else None
    kind = Kind.ENUM if enum_type else _KINDS.get(hint)
    if kind is None:
        raise ShapeError(
            f"field {owner.__name__}.{attribute} is a {getattr(hint, '__name__', hint)}, "
            "which GraphQL cannot express",
            "use int, float, bool, str, date, datetime, BlockKey, an Enum, a list of these, "
            "or a dataclass of these",
        )
    if enum_type is not None and not all(isinstance(member.value, str) for member in enum_type):
        raise ShapeError(
            f"enum {enum_type.__name__} of {owner.__name__}.{attribute} has other values than text",
            "derive it from enum.StrEnum",
        )
    mark = next((note for note in notes if isinstance(note, Key)), None)
    value = next((note for note in notes if isinstance(note, Value)), None)
    return Field(
        name=_public(attribute),
        attribute=attribute,
        kind=kind,
        nullable=nullable,
        is_list=is_list,
        is_key=mark is not None,
        description=mark.description if mark else value.description if value else "",
        unit=value.unit if value else None,
        enum_type=enum_type,
    )
