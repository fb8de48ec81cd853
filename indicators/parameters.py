"""Parameters of indicators (catalogue 2.1): declared once, checked, and always returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from courselens.domain import Window
from courselens.errors import BadParameter
from indicators.data import LogCoverage

ParameterValue = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its default, and what is allowed.

    Attributes:
        name: snake_case; in GraphQL an argument in camelCase.
        kind: int, float, bool or str.
        default: what it is if not given; None: not set.
        description: what it changes, for users of the API.
        minimum: the least number that is allowed.
        maximum: the greatest.
        choices: the texts that are allowed; none: any.
    """

    name: str
    kind: type
    default: ParameterValue
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        if self.choices:
            return " | ".join(self.choices)
        if self.kind is bool:
            return "true | false"
        noun = {int: "a whole number", float: "a number", str: "text"}[self.kind]
        if self.minimum is not None and self.maximum is not None:
            return f"{noun} from {self.minimum:g} to {self.maximum:g}"
        if self.minimum is not None:
            return f"{noun} of at least {self.minimum:g}"
        return noun

    def check(self, value: object) -> ParameterValue:
        """The value in this parameter's type; text is read as on a command line.

        Raises:
            BadParameter: the value is of another kind or outside what is allowed.
        """
        if value is None and self.default is None:
            return None
        read = self._read(value)
        if isinstance(read, int | float) and not isinstance(read, bool):
            if self.minimum is not None and read < self.minimum:
                raise BadParameter(self.name, value, self.allowed)
            if self.maximum is not None and read > self.maximum:
                raise BadParameter(self.name, value, self.allowed)
        if self.choices and read not in self.choices:
            raise BadParameter(self.name, value, self.allowed)
        return read

    def _read(self, value: object) -> bool | int | float | str:
        if self.kind is bool:
            if isinstance(value, bool):
                return value
            if str(value).lower() in ("true", "false"):
                return str(value).lower() == "true"
        elif self.kind is str:
            if isinstance(value, str):
                return value
        elif not isinstance(value, bool) and isinstance(value, int | float | str):
            try:
                number = float(value)
            except ValueError:
                number = float("nan")
            if self.kind is float and number == number and abs(number) != float("inf"):
                return number
            if self.kind is int and number == number and number.is_integer():
                return int(number)
        raise BadParameter(self.name, value, self.allowed)


COMMON: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "definition",
            str,
            "courselens",
            "Whose definition is followed where systems differ.",
            choices=("courselens", "insights"),
        ),
        Parameter("tz", str, "UTC", "IANA time zone of day, week and hour borders."),
        Parameter("include_staff", bool, False, "Whether the course team counts as students."),
        Parameter("include_unenrolled", bool, False, "Whether students who left count."),
    )
}
"""Parameters that every indicator takes, beside the window and `as_of`."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Everything a run is computed with; declared parameters are attributes too.

    Attributes:
        window: instants that count, `end_us` at most `as_of_us`.
        as_of_us: nothing later is known.
        course_start_us: course start, or the first activity where that is unknown or later than
            `as_of_us` (catalogue 1.2).
        population_basis: `enrollment`, `enr_events` or `events` (catalogue 1.1).
        has_groups: whether cohorts, tracks and experiment arms are asked for beside the course.
        has_enrollment_events: whether the logs hold any enrolment event of the course.
        coverage: days that the logs cover; None without logs.
        values: of the declared parameters by name.
    """

    window: Window
    as_of_us: int
    course_start_us: int
    population_basis: str = "enrollment"
    has_groups: bool = True
    has_enrollment_events: bool = False
    coverage: LogCoverage | None = None
    values: Mapping[str, ParameterValue] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name == "values":  # not set yet, while an instance is being copied
            raise AttributeError(name)
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(
                f"parameter {name!r} is not declared by this indicator; declared: "
                f"{', '.join(sorted(self.values))}"
            ) from None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of day, week and hour borders."""
        return ZoneInfo(str(self.values.get("tz", "UTC")))

    @property
    def is_insights(self) -> bool:
        """Whether edX Insights' definitions are asked for (catalogue 3.14)."""
        return self.values.get("definition") == "insights"


def check_values(
    declared: Iterable[Parameter], given: Mapping[str, object], *, owner: str
) -> dict[str, ParameterValue]:
    """Defaults overlaid with what was given, every value checked.

    Raises:
        BadParameter: a name that `owner` does not declare, or a value outside its range.
    """
    known = {parameter.name: parameter for parameter in declared}
    for name, value in given.items():
        if name not in known:
            raise BadParameter(
                name, value, f"one of {', '.join(sorted(known))} ({owner} has no such parameter)"
            )
    values = {
        name: parameter.check(given[name]) if name in given else parameter.default
        for name, parameter in known.items()
    }
    zone = values.get("tz")
    if isinstance(zone, str):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadParameter("tz", zone, "an IANA time zone such as Europe/Madrid") from None
    return values
