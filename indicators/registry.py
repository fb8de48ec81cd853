"""The registry: every indicator and intermediate that is installed, found by entry point, checked.

A declaration that cannot take part is left out and reported with its plugin, the problem and the
fix; the others work.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from courselens.domain import Level
from courselens.errors import PluginError, UnknownIndicator
from indicators.contract import ENTRY_POINT_GROUP, Indicator, Intermediate
from indicators.parameters import COMMON, Parameter, Parameters
from indicators.shape import Kind, Shape, ShapeError, adds_up, read_shape
from loaders.datasets import DATASETS

_KEY = re.compile(r"[a-z][a-z0-9_]{1,50}")

_TAKEN = frozenset(COMMON) | {"start", "end", "as_of"} | frozenset(dir(Parameters))
"""Names that no parameter can have: the common ones, and what `Parameters` itself has."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared object and who declared it."""

    name: str
    plugin: str
    version: str
    declared: Indicator | Intermediate


class Registry:
    """Indicators and intermediates by name, the shapes of their results, and what was refused."""

    def __init__(self, declarations: Iterable[Declaration]) -> None:
        self.errors: list[PluginError] = []
        self._indicators: dict[str, Indicator] = {}
        self._intermediates: dict[str, Intermediate] = {}
        self._student_shapes: dict[str, Shape] = {}
        self._group_shapes: dict[str, Shape] = {}
        self._plugins: dict[str, str] = {}
        for declaration in sorted(declarations, key=lambda d: (d.plugin != "courselens", d.plugin)):
            try:
                self._admit(declaration)
            except PluginError as error:
                self.errors.append(error)
        self._drop_unresolvable()
        self._drop_ambiguous()
        self._drop_unresolvable()

    def indicator(self, key: str) -> Indicator:
        """The indicator of this key.

        Raises:
            UnknownIndicator: there is none; names the nearest keys.
        """
        try:
            return self._indicators[key]
        except KeyError:
            raise UnknownIndicator(key, difflib.get_close_matches(key, self._indicators)) from None

    def intermediate(self, name: str) -> Intermediate | None:
        """The intermediate of this name, None for a dataset."""
        return self._intermediates.get(name)

    @property
    def indicators(self) -> Mapping[str, Indicator]:
        """All indicators by key, sorted."""
        return dict(sorted(self._indicators.items()))

    @property
    def intermediates(self) -> Mapping[str, Intermediate]:
        """All intermediates by name, sorted."""
        return dict(sorted(self._intermediates.items()))

    def student_shape(self, key: str) -> Shape | None:
        """Shape of the result of one student, None where there is no student level."""
        return self._student_shapes.get(key)

    def group_shape(self, key: str) -> Shape | None:
        """Shape of what a group has beside the free summary, None if nothing."""
        return self._group_shapes.get(key)

    def parameters(self, key: str) -> tuple[Parameter, ...]:
        """All parameters of an indicator or intermediate.

        The common ones, its own, and those of the intermediates it rests on.
        """
        own = self._intermediates.get(key) or self.indicator(key)
        found: dict[str, Parameter] = dict(COMMON)
        for name in self.closure(key):
            derived = self._intermediates.get(name)
            found |= (
                {parameter.name: parameter for parameter in derived.parameters} if derived else {}
            )
        found |= {parameter.name: parameter for parameter in own.parameters}
        return tuple(found.values())

    def closure(self, key: str, *, hard: bool = False) -> tuple[str, ...]:
        """Datasets and intermediates an indicator rests on, dependencies first.

        With `hard` only those it cannot do without.
        """
        return tuple(self.order([key], hard=hard))[:-1]

    def order(self, keys: Iterable[str], *, hard: bool = False) -> Iterator[str]:
        """Everything these indicators rest on and they themselves, dependencies first."""
        graph: dict[str, tuple[str, ...]] = {}
        pending = list(keys)
        while pending:
            name = pending.pop()
            if name not in graph:
                graph[name] = self._dependencies(name, hard=hard)
                pending.extend(graph[name])
        ordered = {name: sorted(graph[name]) for name in sorted(graph)}
        return iter(tuple(TopologicalSorter(ordered).static_order()))

    def _dependencies(self, name: str, *, hard: bool = False) -> tuple[str, ...]:
        declared = self._indicators.get(name) or self._intermediates.get(name)
        if declared is None:
            return ()
        return declared.needs if hard else declared.needs + declared.uses

    def _admit(self, declaration: Declaration) -> None:
        declared, plugin = declaration.declared, declaration.plugin
        name = declared.key if isinstance(declared, Indicator) else declared.name
        if not _KEY.fullmatch(name):
            raise PluginError(
                plugin,
                f"{name!r} is no usable key",
                "use 2 to 51 lower-case letters, digits and underscores, a letter first",
            )
        if name in self._plugins:
            raise PluginError(
                plugin,
                f"{name!r} is already registered by {self._plugins[name]}",
                f"choose another key, such as {plugin.replace('-', '_')}_{name}",
            )
        if name in DATASETS:
            raise PluginError(plugin, f"{name!r} is the name of a dataset", "choose another key")
        for parameter in declared.parameters:
            if parameter.name in _TAKEN:
                raise PluginError(
                    plugin,
                    f"{name} declares a parameter {parameter.name!r}, which every run has",
                    "choose another name for it",
                )
        if isinstance(declared, Indicator):
            self._admit_indicator(declared, plugin)
        else:
            self._intermediates[name] = declared
        declared.provider, declared.provider_version = plugin, declaration.version
        self._plugins[name] = plugin

    def _admit_indicator(self, declared: Indicator, plugin: str) -> None:
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
            self._check_roll_up(key, group, plugin)
        self._indicators[key] = declared
        if student:
            self._student_shapes[key] = student
        if group:
            self._group_shapes[key] = group

    def _check_roll_up(self, key: str, shape: Shape, plugin: str) -> None:
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

    def _drop_ambiguous(self) -> None:
        """Leave out whatever rests on two parameters of one name."""
        for owner in sorted({**self._indicators, **self._intermediates}):
            found: dict[str, Parameter] = {}
            for name in self.order([owner]):
                declared = self._intermediates.get(name) or self._indicators.get(name)
                for parameter in declared.parameters if declared else ():
                    if found.setdefault(parameter.name, parameter) != parameter:
                        self._refuse(
                            owner,
                            f"{owner} rests on two different parameters {parameter.name!r}",
                            f"let it share the one that exists, or rename that of {name}",
                        )
                        found[parameter.name] = parameter

    def _drop_unresolvable(self) -> None:
        """Leave out whatever needs something unknown or stands in a cycle, then its dependants."""
        known = {**self._indicators, **self._intermediates}
        dropped = True
        while dropped:
            dropped = False
            for name in sorted(known):
                missing = [
                    need
                    for need in self._dependencies(name)
                    if need not in DATASETS and need not in self._intermediates
                ]
                if missing:
                    near = difflib.get_close_matches(missing[0], [*DATASETS, *self._intermediates])
                    self._refuse(
                        name,
                        f"{name} needs {missing[0]!r}, which nobody provides",
                        f"did you mean {near[0]!r}?" if near else "declare that intermediate",
                    )
                    known.pop(name)
                    dropped = True
        graph = {name: self._dependencies(name) for name in self._intermediates}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            path = error.args[1]
            for name in set(path):
                self._refuse(
                    name, f"cycle {' -> '.join(path)}", "let one of them read datasets instead"
                )
            self._drop_unresolvable()

    def _refuse(self, name: str, problem: str, fix: str) -> None:
        self.errors.append(PluginError(self._plugins[name], problem, fix))
        self._indicators.pop(name, None)
        self._intermediates.pop(name, None)
        self._student_shapes.pop(name, None)
        self._group_shapes.pop(name, None)


def load_registry(
    entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
) -> Registry:
    """Discover what is installed and register it.

    A plugin that fails on import or gives something else than a declaration is reported in
    `Registry.errors`.
    """
    if entry_points is None:
        entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    declarations: list[Declaration] = []
    errors: list[PluginError] = []
    for entry in entry_points:
        plugin = entry.dist.name if entry.dist else entry.value
        version = entry.dist.version if entry.dist else ""
        try:
            declared = entry.load()
        except (Exception, SystemExit) as exc:  # an edge: third-party code runs here
            errors.append(
                PluginError(
                    plugin,
                    f"entry point {entry.name} ({entry.value}) failed on import: "
                    f"{type(exc).__name__}: {exc}",
                    "mend the import, or uninstall the plugin",
                )
            )
            continue
        if not isinstance(declared, Indicator | Intermediate):
            errors.append(
                PluginError(
                    plugin,
                    f"entry point {entry.name} is a {type(declared).__name__}",
                    "point it at an object made with @indicator or @intermediate",
                )
            )
            continue
        declarations.append(Declaration(entry.name, plugin, version, declared))
    registry = Registry(declarations)
    registry.errors[:0] = errors
    return registry
