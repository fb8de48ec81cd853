"""What a declaration must be to take part: the right kinds of things, and what can be expressed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from courselens.domain import BUILT_IN, Level
from courselens.errors import PluginError
from indicators.charts import ChartError, read_chart
from indicators.contract import Cost, Indicator, Intermediate, Privacy
from indicators.own_datasets import OwnDataset, Setting
from indicators.parameters import COMMON, Parameter, Parameters
from indicators.shape import Kind, Shape, ShapeError, adds_up, read_shape
from loaders.datasets import DATASETS

Declared = Indicator | Intermediate | OwnDataset

_KEY = re.compile(r"[a-z][a-z0-9_]{1,50}")
_COLUMN_KINDS = {
    Intermediate: ("int", "float", "bool", "string"),
    OwnDataset: ("string", "int", "float", "bool", "strings"),
}
_TAKEN = frozenset(COMMON) | {"start", "end", "as_of"} | frozenset(dir(Parameters))
"""Names that no parameter can have: the common ones, and what `Parameters` itself has."""
_NAMES = ("needs", "uses", "definitions", "notes", "key")


def name_of(declared: Declared) -> str:
    """The name under which it is registered."""
    return declared.key if isinstance(declared, Indicator) else declared.name


def check_name(name: object, plugin: str) -> None:
    """Refuse what is no key, or the name of one of the platform's datasets.

    Raises:
        PluginError: with the fix.
    """
    if not isinstance(name, str) or not _KEY.fullmatch(name):
        raise PluginError(
            plugin,
            f"{name!r} is no usable key",
            "use 2 to 51 lower-case letters, digits and underscores, a letter first",
        )
    if name in DATASETS:
        raise PluginError(plugin, f"{name!r} is the name of a dataset", "choose another key")


def check_kinds(declared: Declared, plugin: str) -> None:
    """Refuse attributes that are other things than the contract says.

    Raises:
        PluginError: names the attribute, with the fix.
    """
    name = name_of(declared)

    def refuse(attribute: str, fix: str) -> PluginError:
        given = type(getattr(declared, attribute)).__name__
        return PluginError(plugin, f"{name}: `{attribute}` is a {given}", fix)

    if type(declared.version) is not int or declared.version < 1:
        raise refuse("version", "give a whole number from 1 on, raised when the rows change")
    for attribute in _NAMES:
        given = getattr(declared, attribute, ())
        if attribute == "key" and isinstance(declared, Indicator):
            continue
        if not _is_tuple_of(given, str):
            raise refuse(attribute, 'give a tuple of names, such as ("events",)')
    if isinstance(declared, Indicator):
        for attribute in ("title", "unit", "family", "population"):
            if not isinstance(getattr(declared, attribute), str):
                raise refuse(attribute, "give text")
        if not declared.levels or not _is_tuple_of(declared.levels, Level):
            raise refuse("levels", "give a tuple of levels, such as (Level.STUDENT,)")
        if not _is_tuple_of(declared.privacy, Privacy):
            raise refuse("privacy", "give a tuple, such as (Privacy.STAFF,)")
        if declared.population not in ("enrolled", "ever_enrolled"):
            raise refuse("population", "give `enrolled` or `ever_enrolled`")
    else:
        _check_columns(declared, plugin)
    if not isinstance(declared, OwnDataset):
        if not _is_tuple_of(declared.parameters, Parameter):
            raise refuse("parameters", "give a tuple of Parameter(...)")
        for parameter in declared.parameters:
            _check_parameter(name, parameter, plugin)


def _check_columns(declared: Intermediate | OwnDataset, plugin: str) -> None:
    allowed = _COLUMN_KINDS[type(declared)]
    columns: Any = declared.columns
    if not isinstance(columns, Mapping) or not columns:
        raise PluginError(plugin, f"{declared.name} has no columns", 'give {"user_id": "int", ...}')
    for column, kind in columns.items():
        if not isinstance(column, str) or kind not in allowed:
            raise PluginError(
                plugin,
                f"{declared.name}: column {column!r} is declared as {kind!r}",
                f"use one of {', '.join(allowed)}",
            )
    if isinstance(declared, OwnDataset):
        strange = [name for name in declared.key if name not in columns]
        if strange or not declared.key:
            raise PluginError(
                plugin,
                f"{declared.name}: its key {strange or '()'} is not among its columns",
                "name the columns that tell two rows apart",
            )
        if not _is_tuple_of(declared.settings, Setting):
            raise PluginError(
                plugin, f"{declared.name}: its settings are none", "give a tuple of Setting(...)"
            )
        for setting in declared.settings:
            if not _KEY.fullmatch(setting.name):
                raise PluginError(
                    plugin,
                    f"{declared.name}: a setting named {setting.name!r} is no variable",
                    "use lower-case letters, digits and underscores",
                )
        if not isinstance(declared.every_hours, int | float) or declared.every_hours <= 0:
            raise PluginError(
                plugin, f"{declared.name}: its `every_hours` is no time", "give hours above 0"
            )


def _check_parameter(owner: str, parameter: Parameter, plugin: str) -> None:
    if parameter.name in _TAKEN:
        raise PluginError(
            plugin,
            f"{owner} declares a parameter {parameter.name!r}, which every run has",
            "choose another name for it",
        )
    if not _KEY.fullmatch(parameter.name) or parameter.kind not in (bool, int, float, str):
        raise PluginError(
            plugin,
            f"{owner}: parameter {parameter.name!r} cannot be an argument",
            "name it in snake_case, and let its kind be bool, int, float or str",
        )


def check_indicator(declared: Indicator, plugin: str) -> tuple[Shape | None, Shape | None]:
    """Refuse results, levels and live code that do not fit together.

    Returns:
        The shapes of the results of a student and of a group.

    Raises:
        PluginError: with the fix.
    """
    key = declared.key
    try:
        student = read_shape(declared.student) if declared.student else None
        group = read_shape(declared.group) if declared.group else None
    except ShapeError as error:
        raise PluginError(plugin, f"{key}: {error.problem}", error.fix) from error
    if (Level.STUDENT in declared.levels) != (student is not None):
        raise PluginError(
            plugin,
            f"{key} declares level student and its student result type apart",
            "give both `levels=(Level.STUDENT, ...)` and `student=ResultType`, or neither",
        )
    if student is None and group is None:
        raise PluginError(plugin, f"{key} has no result type", "give `student=` or `group=`")
    if group and declared.compute_group is None and declared.group is not declared.student:
        raise PluginError(
            plugin,
            f"{key} has a group result type and no code for it",
            f"decorate a function with @{key}.for_groups, or reuse the student's type",
        )
    if student and group and declared.compute_group is None:
        _check_roll_up(key, group, plugin)
    _check_live(declared, plugin)
    _check_told(declared, plugin)
    return student, group


def check_chart(
    declared: Indicator, student: Shape | None, group: Shape | None, plugin: str
) -> str | None:
    """The chart as JSON text, None if there is none.

    Raises:
        PluginError: it cannot be shown, with the fix.
    """
    if declared.chart is None:
        return None
    parts = {part.name for shape in (student, group) if shape for part in shape.parts}
    try:
        return read_chart(declared.chart, parts)
    except ChartError as error:
        raise PluginError(plugin, f"{declared.key}: {error.problem}", error.fix) from error


def _check_roll_up(key: str, shape: Shape, plugin: str) -> None:
    """Cells roll up to sums and means: their fields must be able to hold one."""
    for part in shape.parts:
        for field in part.values if part.many else ():
            if not field.is_numeric or (field.kind is Kind.INT and not adds_up(field)):
                raise PluginError(
                    plugin,
                    f"{key}: {part.name}.{field.name} of groups would be a sum or a mean, "
                    f"which {'a list of ' if field.is_list else ''}{field.kind} cannot hold",
                    f"decorate a function with @{key}.for_groups, with a type of its own",
                )


def _check_live(declared: Indicator, plugin: str) -> None:
    """Live code: there where it is declared, async, of known datasets, and never for a crowd."""
    key = declared.key
    given = [live for live in (declared.live_student, declared.live_course) if live is not None]
    if bool(given) != (declared.cost is Cost.LIVE):
        raise PluginError(
            plugin,
            f"{key} declares its cost and its live code apart",
            f"give both `cost=Cost.LIVE` and @{key}.live_for_students or .live_for_course, "
            "or neither",
        )
    if declared.live_student and declared.student is None:
        raise PluginError(
            plugin, f"{key} has live code for students and no level student", "give `student=`"
        )
    if declared.live_course:
        if declared.group is None or Level.COURSE not in declared.levels:
            raise PluginError(
                plugin,
                f"{key} has live code for a course and no result type of one",
                "give `group=ResultType` and `levels=(Level.COURSE, ...)`",
            )
        if Privacy.AGG in declared.privacy:
            raise PluginError(
                plugin,
                f"{key} shows students a value of the class that changes with every one of them",
                "leave Privacy.AGG out, or the live code for the course",
            )
    for live in given:
        if not inspect.iscoroutinefunction(live.compute):
            raise PluginError(plugin, f"live code of {key} is not async", "write `async def`")
        for name in live.reads:
            if name not in DATASETS or name == "events":
                raise PluginError(
                    plugin,
                    f"live code of {key} reads {name!r}, which is no dataset of the platform's "
                    "databases",
                    f"read some of {', '.join(sorted(DATASETS.keys() - {'events'}))}",
                )


def _check_told(declared: Indicator, plugin: str) -> None:
    """Tables by profile that share a class give each other away; those that ship are proven."""
    if {Privacy.PROFILE, Privacy.AGG} <= set(declared.privacy) and plugin != BUILT_IN:
        raise PluginError(
            plugin,
            f"{declared.key} tells students how many of the class have which profile",
            "leave Privacy.AGG out: demographic_distribution tells them what can be told",
        )


def _is_tuple_of(given: object, kind: type) -> bool:
    return isinstance(given, tuple) and all(isinstance(one, kind) for one in given)
