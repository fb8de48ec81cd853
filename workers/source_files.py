"""What the configured files and folders hold now, without reading more than is new."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from courselens.errors import SourceNotFound
from loaders.files.source import open_source

Stamp = tuple[int, int]
"""Size and time of change (nanoseconds) of a file."""


@dataclass(frozen=True, slots=True)
class Look:
    """Files as they were at one look.

    Attributes:
        logs: tracking logs.
        tables_state: digest of all other files: another one when any came, went or changed.
    """

    logs: dict[Path, Stamp]
    tables_state: str


class SourceFiles:
    """Looks at files again and again; recognises them anew only when others than logs changed."""

    def __init__(self, paths: Sequence[Path], *, own_logs: Path | None = None) -> None:
        """Look nowhere yet.

        Args:
            paths: files and folders.
            own_logs: a folder of logs that we write ourselves.
        """
        self._own_logs = own_logs.absolute() if own_logs is not None else None
        self.paths = tuple(path.absolute() for path in paths)
        self._logs: frozenset[Path] = frozenset()
        self._known: dict[Path, Stamp | None] | None = None

    def look(self) -> Look:
        """What is there now; nothing where nothing can be recognised."""
        stamps = dict(_walk(self.paths))
        # What is a log stays one, however it grows.
        known = {path: None if path in self._logs else stamp for path, stamp in stamps.items()}
        if known != self._known:
            self._logs = self._recognise_logs()
            self._known = {
                path: None if path in self._logs else stamp for path, stamp in stamps.items()
            }
        logs = {path: stamp for path, stamp in stamps.items() if path in self._logs}
        others = sorted((str(path), stamp) for path, stamp in stamps.items() if path not in logs)
        if self._own_logs is not None:
            logs |= {path: stamp for path, stamp in _walk([self._own_logs]) if is_own_log(path)}
        return Look(logs, hashlib.blake2b(repr(others).encode(), digest_size=16).hexdigest())

    def _recognise_logs(self) -> frozenset[Path]:
        present = [path for path in self.paths if path.exists()]
        try:
            return frozenset(open_source(present).log_files) if present else frozenset()
        except SourceNotFound:
            return frozenset()


def is_own_log(path: Path) -> bool:
    """Whether a file in the folder of our own logs is one."""
    return path.suffix == ".log"


def _walk(paths: Sequence[Path]) -> Iterator[tuple[Path, Stamp]]:
    for path in paths:
        if path.is_file():
            yield from _stamp(path)
        for folder, _, names in os.walk(path):
            for name in names:
                yield from _stamp(Path(folder) / name)


def _stamp(path: Path) -> Iterator[tuple[Path, Stamp]]:
    try:
        stat = path.stat()
    except OSError:
        return  # it went while we looked
    yield path.resolve(), (stat.st_size, stat.st_mtime_ns)
