"""What is installed and may take part: plugins are tried elsewhere, then imported here."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec

from aggregates.layout import layout_problems
from courselens.domain import BUILT_IN
from courselens.errors import PluginError
from courselens.settings import Settings
from indicators.apart.apart import Apart
from indicators.apart.importing import ImportJob
from indicators.checks import name_of
from indicators.registry import Declaration, Registry, installed_entries, load_entry

AGAIN_SECONDS = 600.0
"""After so long an import that failed is tried again."""


class Tried(msgspec.Struct, frozen=True):
    """How the import of one distribution went; without a problem it may be imported anywhere.

    Attributes:
        problem: what went wrong.
        fix: what to do about it.
        at: when it was tried, in seconds since 1970.
        memory_kb: what the import took.
    """

    problem: str = ""
    fix: str = ""
    at: float = 0.0
    memory_kb: int = 0


@dataclass(frozen=True, slots=True)
class Plugin:
    """A distribution that brings declarations."""

    name: str
    version: str
    entries: tuple[EntryPoint, ...]

    @property
    def is_editable(self) -> bool:
        """Whether its code may change while its version does not."""
        origin = _read(self.entries[0], "direct_url.json")
        with suppress(ValueError, AttributeError):
            return bool(json.loads(origin).get("dir_info", {}).get("editable"))
        return not origin and not _read(self.entries[0], "RECORD")

    @property
    def digest(self) -> str:
        """Of everything that decides how its import goes."""
        facts = [
            sys.version,
            self.name,
            self.version,
            [(one.name, one.value) for one in self.entries],
            _read(self.entries[0], "RECORD"),
        ]
        return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed.

    Attributes:
        registry: what takes part, and in its `errors` what was refused.
        left_out: declarations and distributions that a setting leaves out, and which setting.
        memory_kb: what the import of each plugin took, by distribution.
    """

    registry: Registry
    left_out: Mapping[str, str]
    memory_kb: Mapping[str, int]


def load_installed(settings: Settings) -> Registry:
    """The registry of an installation, by its settings; blocks."""
    return look_at_installed(settings).registry


def look_at_installed(settings: Settings) -> Installed:
    """Try what is installed, and import what is well-behaved; blocks.

    Each plugin is imported in a process of its own first. How that went is kept in
    `<home>/plugins.json` as long as its files are the same, and failures for `AGAIN_SECONDS`.
    """
    built_in, plugins = _find()
    left_out: dict[str, str] = {}
    chosen: list[Plugin] = []
    for plugin in plugins:
        if settings.plugins is not None and plugin.name not in settings.plugins:
            left_out[plugin.name] = "COURSELENS_PLUGINS does not name it"
        elif plugin.name in settings.disabled:
            left_out[plugin.name] = "COURSELENS_DISABLED names it"
        else:
            chosen.append(plugin)
    tried = _try(chosen, settings)
    errors: list[PluginError] = []
    declarations: list[Declaration] = []
    entries = list(built_in)
    for plugin in chosen:
        how = tried[plugin.name]
        if how.problem:
            errors.append(PluginError(plugin.name, how.problem, how.fix))
        else:
            entries += plugin.entries
    for entry in entries:
        try:
            declared = load_entry(entry)
        except PluginError as error:
            errors.append(error)
            continue
        name = name_of(declared.declared)
        if declared.plugin != BUILT_IN and name in settings.disabled:
            left_out[name] = "COURSELENS_DISABLED names it"
        else:
            declarations.append(declared)
    registry = Registry(declarations)
    registry.errors[:0] = errors
    for key in (key for key in settings.disabled if key in registry.indicators):
        left_out[key] = "COURSELENS_DISABLED names it"
        registry.disable(key)
    for key, problem, fix in layout_problems(registry):
        registry.leave_out(key, problem, fix)
    memory = {name: how.memory_kb for name, how in tried.items()}
    return Installed(registry, left_out, memory)


def open_apart(settings: Settings) -> Apart:
    """Where code of plugins runs; nothing is started before it is needed."""
    return Apart(
        seconds=settings.indicator_time_limit_seconds, memory_mb=settings.indicator_memory_mb
    )


def _find() -> tuple[list[EntryPoint], list[Plugin]]:
    """Entry points of the built-ins, and the plugins by name."""
    built_in: list[EntryPoint] = []
    found: dict[tuple[str, str], list[EntryPoint]] = {}
    for entry in installed_entries():
        name, version = (entry.dist.name, entry.dist.version) if entry.dist else (entry.value, "")
        if name == BUILT_IN:
            built_in.append(entry)
        else:
            found.setdefault((name, version), []).append(entry)
    plugins = [
        Plugin(name, version, tuple(sorted(entries, key=lambda entry: entry.name)))
        for (name, version), entries in sorted(found.items())
    ]
    return built_in, plugins


def _try(plugins: Sequence[Plugin], settings: Settings) -> dict[str, Tried]:
    """How the import of each goes: as is known, else found out now."""
    if not plugins:
        return {}
    path = settings.home / "plugins.json"
    known = _read_known(path)
    digests = {plugin.name: plugin.digest for plugin in plugins}
    now = time.time()
    tried: dict[str, Tried] = {}
    new: list[Plugin] = []
    for plugin in plugins:
        how = known.get(digests[plugin.name])
        is_old = how is not None and how.problem and abs(now - how.at) > AGAIN_SECONDS
        if how is None or is_old or plugin.is_editable:
            new.append(plugin)
        else:
            tried[plugin.name] = how
    if new:
        with Apart(
            seconds=settings.import_seconds, memory_mb=settings.indicator_memory_mb
        ) as apart:
            tried |= _import(new, apart, settings.import_seconds, now)
        _write_known(path, {digests[name]: how for name, how in tried.items()})
    return tried


def _import(
    plugins: Sequence[Plugin], apart: Apart, seconds: float, now: float
) -> dict[str, Tried]:
    """Import all in one process; after one that went wrong, the rest in another."""
    tried: dict[str, Tried] = {}
    waiting = [(plugin, entry) for plugin in plugins for entry in plugin.entries]
    while waiting:
        job = ImportJob([(plugin.name, entry.name, entry.value) for plugin, entry in waiting])
        at = 0
        try:
            for word in apart.words(job, waiting[0][0].name, seconds=seconds):
                at = word.index
                name = waiting[at][0].name
                if word.kind == "tried":
                    before = tried.get(name, Tried())
                    memory_kb = before.memory_kb + word.memory_kb
                    tried[name] = Tried(word.problem, word.fix, now, memory_kb)
                    if word.problem:
                        break
            else:
                return tried
        except PluginError as error:
            plugin, entry = waiting[at]
            problem = f"entry point {entry.name} ({entry.value}) on import {error.problem}"
            fix = "import nothing but definitions; work belongs in its functions"
            tried[plugin.name] = Tried(problem, fix, now)
        # A plugin that went wrong is left out as a whole: who knows what the rest rests on.
        gone = waiting[at][0]
        waiting = [each for each in waiting[at + 1 :] if each[0] is not gone]
    return tried


def _read(entry: EntryPoint, file: str) -> str:
    return (entry.dist.read_text(file) if entry.dist else None) or ""


def _read_known(path: Path) -> dict[str, Tried]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Tried])
    except (OSError, msgspec.MsgspecError):
        return {}  # it is but what would be found out again


def _write_known(path: Path, tried: Mapping[str, Tried]) -> None:
    new = path.with_suffix(".new")
    with suppress(OSError):  # on a disk that cannot be written it is found out at every start
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.json.encode(tried))
        new.replace(path)
