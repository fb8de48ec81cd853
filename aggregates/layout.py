"""The tables that the registry's declarations ask for, and where a field is found in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregates.fields import FieldRef
from aggregates.naming import StoredLevel, part_table, shorten, wide_table
from courselens.domain import BUILT_IN
from courselens.errors import BadParameter, StoreError
from indicators.registry import Registry
from indicators.shape import VALUES, Field, Kind, Part

MAX_COLUMNS = 900
"""A full row of eight-byte values must fit PostgreSQL's page of 8,160 bytes."""

_TYPES: dict[Kind, str] = {
    Kind.INT: "bigint",
    Kind.FLOAT: "double precision",
    Kind.BOOL: "boolean",
    Kind.STRING: "text",
    Kind.DAY: "date",
    Kind.INSTANT: "timestamp with time zone",
    Kind.BLOCK: "text",
    Kind.ENUM: "text",
}
_RESERVED = frozenset({"course_id", "user_id", "group_id", "ordinal"})


def sql_type(field: Field) -> str:
    """PostgreSQL's name of the type that holds the field, as `format_type` prints it."""
    return _TYPES[field.kind] + ("[]" if field.is_list else "")


@dataclass(frozen=True, slots=True)
class WideTable:
    """Scalar student values of one provider: one row per course and student."""

    name: str
    provider: str
    fields: tuple[tuple[FieldRef, Field], ...]

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """Columns of the primary key with their types."""
        return (("course_id", "bigint"), ("user_id", "bigint"))

    @property
    def columns(self) -> dict[str, str]:
        """Column -> type, beside the key."""
        found: dict[str, str] = {}
        for ref, field in self.fields:
            found[ref.column] = sql_type(field)
            if field.is_numeric:
                found[ref.standing_column] = "double precision"
        return found


@dataclass(frozen=True, slots=True)
class PartTable:
    """Rows of one part of one indicator: keyed by subject and their place in its list."""

    name: str
    indicator: str
    level: StoredLevel
    part: Part

    @property
    def subject(self) -> str:
        """Column of whom the row is about."""
        return "user_id" if self.level == "student" else "group_id"

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """Columns of the primary key with their types."""
        subject_type = "bigint" if self.level == "student" else "text"
        return (("course_id", "bigint"), (self.subject, subject_type), ("ordinal", "integer"))

    @property
    def columns(self) -> dict[str, str]:
        """Column -> type, beside the key."""
        return {column_of(field): sql_type(field) for field in self.part.fields}


def column_of(field: Field) -> str:
    """Column of a part's field; a field named like a key column gets an underscore."""
    return shorten(field.name + "_" if field.name in _RESERVED else field.name)


class Layout:
    """All derived tables, by what they hold; with `only`, those of that indicator, unchecked."""

    def __init__(self, registry: Registry, *, only: str | None = None) -> None:
        self.registry = registry
        self.wide: dict[str, WideTable] = {}
        self.parts: dict[tuple[str, StoredLevel, str], PartTable] = {}
        scalars: dict[str, list[tuple[FieldRef, Field]]] = {}
        for key in registry.indicators if only is None else [only]:
            indicator = registry.indicator(key)
            student = registry.student_shape(key)
            if student:
                scalars.setdefault(indicator.provider, []).extend(
                    (FieldRef(key, field.name), field) for field in student.values
                )
                for part in student.parts:
                    if part.name != VALUES:
                        self._add(key, "student", part)
            group = registry.group_shape(key)
            for part in group.parts if group else ():
                self._add(key, "group", part)
        self._fields: dict[FieldRef, tuple[WideTable, Field]] = {}
        for provider, fields in scalars.items():
            if fields:
                self.wide[provider] = table = WideTable(
                    wide_table(provider), provider, tuple(fields)
                )
                self._fields.update((ref, (table, field)) for ref, field in fields)
        if only is None:
            self.check()

    @property
    def tables(self) -> Mapping[str, WideTable | PartTable]:
        """Every derived table by name."""
        found: dict[str, WideTable | PartTable] = {t.name: t for t in self.wide.values()}
        found.update((table.name, table) for table in self.parts.values())
        return found

    def field(self, ref: FieldRef) -> tuple[WideTable, Field]:
        """The table that holds a scalar student field, and its declaration.

        Raises:
            UnknownIndicator: no such indicator.
            BadParameter: it has no such scalar field for one student.
        """
        found = self._fields.get(ref)
        if found is None:
            self.registry.indicator(ref.indicator)
            known = [other.field for other in self._fields if other.indicator == ref.indicator]
            raise BadParameter("field", ref.field, " | ".join(known) or "none: it has rows only")
        return found

    def part(self, indicator: str, level: StoredLevel, part: str) -> PartTable:
        """The table of a part.

        Raises:
            UnknownIndicator: no such indicator.
            BadParameter: it has no such part at this level.
        """
        found = self.parts.get((indicator, level, part))
        if found is None:
            self.registry.indicator(indicator)
            known = [name for key, at, name in self.parts if (key, at) == (indicator, level)]
            raise BadParameter("part", part, " | ".join(known) or f"none at level {level}")
        return found

    def _add(self, indicator: str, level: StoredLevel, part: Part) -> None:
        table = PartTable(part_table(indicator, level, part.name), indicator, level, part)
        self.parts[indicator, level, part.name] = table

    def check(self) -> None:
        """Refuse what cannot be stored.

        Raises:
            StoreError: names of tables or columns meet, or a table has too many columns.
        """
        if len(self.tables) < len(self.wide) + len(self.parts):
            raise StoreError("two declarations ask for the same table; rename one of the parts")
        for table in self.tables.values():
            if isinstance(table, WideTable):
                wanted = len(table.fields) + sum(field.is_numeric for _, field in table.fields)
            else:
                wanted = len(table.part.fields)
            if len(table.columns) < wanted:
                raise StoreError(f"two fields ask for the same column of {table.name}; rename one")
            if len(table.columns) > MAX_COLUMNS:
                raise StoreError(
                    f"table {table.name} would have {len(table.columns)} columns, more than "
                    f"{MAX_COLUMNS}; split its provider into several packages"
                )


def layout_problems(registry: Registry) -> list[tuple[str, str, str]]:
    """Indicators that ask for tables or columns that cannot be had: key, problem and fix.

    Built-ins come first, so no plugin takes the place of one; of a provider with too many columns
    those are left out that come last by key.
    """
    problems: list[tuple[str, str, str]] = []
    tables: dict[str, str] = {}
    columns: dict[str, dict[str, str]] = {}
    indicators = registry.indicators.values()
    for one in sorted(indicators, key=lambda each: (each.provider != BUILT_IN, each.key)):
        alone = Layout(registry, only=one.key)
        try:
            alone.check()
            for table in alone.parts.values():
                if table.name in tables:
                    raise StoreError(f"table {table.name} is that of {tables[table.name]} already")
            wide = alone.wide.get(one.provider)
            known = columns.setdefault(one.provider, {})
            for column in wide.columns if wide else ():
                if column in known:
                    raise StoreError(f"column {column} is that of {known[column]} already")
            if len(known) + len(wide.columns if wide else ()) > MAX_COLUMNS:
                raise StoreError(f"its package asks for more than {MAX_COLUMNS} columns")
        except StoreError as error:
            problems.append((one.key, f"{one.key}: {error}", "rename it, or split its package"))
            continue
        tables.update((table.name, one.key) for table in alone.parts.values())
        known.update((column, one.key) for column in (wide.columns if wide else ()))
    return problems
