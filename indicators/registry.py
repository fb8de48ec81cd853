"""The registry: every indicator and intermediate that is installed, found by entry point, checked.

A declaration that cannot take part is left out and reported with its plugin, the problem and the
fix; the others work.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from courselens.domain import BUILT_IN
from courselens.errors import PluginError, UnknownIndicator, one_line
from indicators.checks import (
    Declared,
    check_chart,
    check_indicator,
    check_kinds,
    check_name,
    name_of,
)
from indicators.contract import ENTRY_POINT_GROUP, Indicator, Intermediate
from indicators.own_datasets import OwnDataset
from indicators.parameters import COMMON, Parameter
from indicators.shape import Shape
from loaders.dataset import Dataset
from loaders.datasets import DATASETS


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared object and who declared it; `entry` is where it is found, if by entry point."""

    name: str
    plugin: str
    version: str
    declared: Declared
    entry: str = ""


class Registry:
    """Indicators and intermediates by name, the shapes of their results, and what was refused."""

    def __init__(self, declarations: Iterable[Declaration]) -> None:
        self.errors: list[PluginError] = []
        self._indicators: dict[str, Indicator] = {}
        self._intermediates: dict[str, Intermediate] = {}
        self._student_shapes: dict[str, Shape] = {}
        self._group_shapes: dict[str, Shape] = {}
        self._charts: dict[str, str] = {}
        self._own_datasets: dict[str, OwnDataset] = {}
        self._entries: dict[str, str] = {}
        self._plugins: dict[str, str] = {}
        for declaration in sorted(declarations, key=_precedence):
            try:
                self._admit(declaration)
            except PluginError as error:
                self.errors.append(error)
            except Exception as error:  # an edge: a third party's objects are looked at here
                self.errors.append(
                    PluginError(
                        declaration.plugin,
                        f"entry point {declaration.name} cannot be read: "
                        f"{type(error).__name__}: {one_line(error)}",
                        "declare it as docs/plugins shows, and run its tests",
                    )
                )
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

    @property
    def own_datasets(self) -> Mapping[str, OwnDataset]:
        """Datasets that plugins bring, by name, sorted."""
        return dict(sorted(self._own_datasets.items()))

    @property
    def datasets(self) -> Mapping[str, Dataset]:
        """All datasets by name: the platform's, then those of plugins."""
        return {**DATASETS, **{name: one.dataset for name, one in self.own_datasets.items()}}

    def dataset(self, name: str) -> Dataset | None:
        """The dataset of this name, None for an intermediate."""
        own = self._own_datasets.get(name)
        return own.dataset if own else DATASETS.get(name)

    def chart(self, key: str) -> str | None:
        """Vega-Lite specification of an indicator as JSON, None if it has none."""
        return self._charts.get(key)

    def entry(self, name: str) -> str:
        """Where the declaration of this name is found, `module:attribute`; empty if made here."""
        return self._entries[name]

    def revision(self, key: str) -> str:
        """What the stored numbers of an indicator depend on beside their facts and parameters.

        Its version, and those of the tables of plugins that it rests on.
        """
        rests_on = (
            self._intermediates.get(name) or self._own_datasets.get(name)
            for name in self.closure(key)
        )
        versions = [f"{one.name} {one.version}" for one in rests_on if one and one.version > 1]
        return ", ".join([str(self.indicator(key).version), *versions])

    def disable(self, name: str) -> None:
        """Take out an indicator that is not wanted here; nothing rests on indicators."""
        self._forget(name)

    def leave_out(self, name: str, problem: str, fix: str) -> None:
        """Refuse something that was registered, and what rests on it."""
        self._refuse(name, problem, fix)
        self._drop_unresolvable()

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
        name = name_of(declared)
        check_name(name, plugin)
        if name in self._plugins:
            raise PluginError(
                plugin,
                f"{name!r} is already registered by {self._plugins[name]}",
                f"choose another key, such as {plugin.replace('-', '_')}_{name}",
            )
        check_kinds(declared, plugin)
        if isinstance(declared, Indicator):
            student, group = check_indicator(declared, plugin)
            chart = check_chart(declared, student, group, plugin)
            self._indicators[name] = declared
            if student:
                self._student_shapes[name] = student
            if group:
                self._group_shapes[name] = group
            if chart:
                self._charts[name] = chart
        elif isinstance(declared, OwnDataset):
            self._own_datasets[name] = declared
        else:
            self._intermediates[name] = declared
        declared.provider, declared.provider_version = plugin, declaration.version
        self._plugins[name] = plugin
        self._entries[name] = declaration.entry

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
                    if need not in self._intermediates and self.dataset(need) is None
                ]
                if missing:
                    offered = [*self.datasets, *self._intermediates]
                    near = difflib.get_close_matches(missing[0], offered)
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
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._indicators.pop(name, None)
        self._intermediates.pop(name, None)
        self._student_shapes.pop(name, None)
        self._group_shapes.pop(name, None)
        self._charts.pop(name, None)
        self._own_datasets.pop(name, None)


def _precedence(declaration: Declaration) -> tuple[bool, bool, str]:
    """Of two who claim one key the built-in has it, then the plugin whose name it begins with."""
    plugin, name = declaration.plugin, getattr(declaration.declared, "key", None)
    if not isinstance(name, str):
        name = str(getattr(declaration.declared, "name", ""))
    prefix = plugin.replace("-", "_").replace(".", "_").lower()
    return plugin != BUILT_IN, not name.startswith(f"{prefix}_"), plugin


def load_registry(
    entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
) -> Registry:
    """Import what is installed, here and now, and register it.

    A plugin that fails on import or gives something else than a declaration is reported in
    `Registry.errors`. One that never comes back, or ends the process, does so here:
    `courselens.installed` tries plugins elsewhere first.
    """
    declarations: list[Declaration] = []
    errors: list[PluginError] = []
    for entry in entry_points if entry_points is not None else installed_entries():
        try:
            declarations.append(load_entry(entry))
        except PluginError as error:
            errors.append(error)
    registry = Registry(declarations)
    registry.errors[:0] = errors
    return registry


def installed_entries() -> importlib.metadata.EntryPoints:
    """Entry points of everything that is installed, built-ins too."""
    return importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)


def load_entry(entry: importlib.metadata.EntryPoint) -> Declaration:
    """Import one entry point; what it prints goes to standard error.

    Raises:
        PluginError: it fails on import, or is no declaration.
    """
    plugin = entry.dist.name if entry.dist else entry.value
    version = entry.dist.version if entry.dist else ""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            declared = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # an edge: third-party code runs here
        raise PluginError(
            plugin,
            f"entry point {entry.name} ({entry.value}) failed on import: "
            f"{type(exc).__name__}: {one_line(exc)}",
            "mend the import, or uninstall the plugin",
        ) from exc
    if not isinstance(declared, Declared):
        raise PluginError(
            plugin,
            f"entry point {entry.name} is a {type(declared).__name__}",
            "point it at an object made with @indicator, @intermediate or @dataset",
        )
    return Declaration(entry.name, plugin, version, declared, entry.value)
