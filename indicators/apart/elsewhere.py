"""The part of a run that is code of plugins: handed out as files, taken back as files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pyarrow as pa
from ibis.expr import types as ir

from courselens.domain import BUILT_IN
from courselens.errors import PluginError
from indicators.apart.apart import Apart, TookTooLong
from indicators.apart.computing import ROWS, ComputeJob, TableFile, read_results
from indicators.contract import Indicator, Intermediate
from indicators.engine import Engine
from indicators.finish import result_schema
from indicators.parameters import Parameters
from indicators.registry import Registry
from indicators.shape import Shape

_LATE = 3
"""As many jobs may take all their time in a run; later ones that are slow are stopped sooner."""
_SOONER = 10

Found = Mapping[str, dict[str, pa.Table]]
"""Finished rows by subject column and part."""


class Elsewhere:
    """Computes what plugins declare, each declaration in a process of its own.

    A process finds the tables that its declaration names, as files in a folder of its own, and no
    others.

    Args:
        registry: says who declared what, and where it is found.
        engine: of the run; writes the tables down.
        apart: starts the processes.
    """

    def __init__(self, registry: Registry, engine: Engine, apart: Apart) -> None:
        self._registry = registry
        self._engine = engine
        self._apart = apart
        self._folder = Path(tempfile.mkdtemp(dir=apart.folder))
        self._files: dict[str, TableFile] = {}
        self._late: list[str] = []

    def close(self) -> None:
        """Remove what was handed out."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def takes(self, declared: Indicator | Intermediate) -> bool:
        """Whether its code is a plugin's; what was declared in this process runs here."""
        name = declared.key if isinstance(declared, Indicator) else declared.name
        return declared.provider != BUILT_IN and bool(self._registry.entry(name))

    def build(
        self,
        derived: Intermediate,
        parameters: Parameters,
        tables: Mapping[str, ir.Table],
        absent: Collection[str],
    ) -> ir.Table:
        """Rows of an intermediate, as a table of the run's engine.

        Raises:
            PluginError: its code failed, or gave something else than it declared.
            MissingSource: its code says so.
        """
        job = self._job(derived, parameters, tables, absent, blocks=False)
        self._run(job, derived)
        return self._engine.add_parquet(derived.name, [Path(job.folder) / ROWS])

    def prepare(
        self,
        one: Indicator,
        parameters: Parameters,
        tables: Mapping[str, ir.Table],
        absent: Collection[str],
        *,
        students: bool,
        groups: bool,
    ) -> Callable[[], Found]:
        """Write down what an indicator reads; what is returned computes it, in any thread.

        It raises PluginError where the code failed, or gave something else than declared.
        """
        job = self._job(
            one, parameters, tables, absent, blocks=True, students=students, groups=groups
        )
        wanted = {
            subject: {part.name: result_schema(part, subject) for part in shape.parts}
            for subject, shape in self._shapes(one, students=students, groups=groups).items()
        }

        def compute() -> Found:
            self._run(job, one)
            try:
                return read_results(Path(job.folder), wanted)
            except (OSError, pa.ArrowInvalid) as error:
                raise PluginError(
                    one.provider, f"{one.key} left no readable result", "run its tests"
                ) from error

        return compute

    def _shapes(self, one: Indicator, *, students: bool, groups: bool) -> dict[str, Shape]:
        student = self._registry.student_shape(one.key)
        group = self._registry.group_shape(one.key)
        shapes: dict[str, Shape] = {}
        if students and student and one.compute_student:
            shapes["user_id"] = student
        if groups and group and one.compute_group:
            shapes["group_id"] = group
        return shapes

    def _run(self, job: ComputeJob, declared: Indicator | Intermediate) -> None:
        # A course's refresh has a time limit, too, which slow plugins must not use up.
        is_suspect = declared.provider in self._late or len(self._late) >= _LATE
        limit = self._apart.seconds / _SOONER if is_suspect else None
        try:
            self._apart.run(job, declared.provider, limit=limit)
        except PluginError as error:
            if isinstance(error, TookTooLong):
                self._late.append(declared.provider)
            problem = f"{job.name}: {error.problem}"
            raise PluginError(declared.provider, problem, error.fix) from error

    def _job(
        self,
        declared: Indicator | Intermediate,
        parameters: Parameters,
        tables: Mapping[str, ir.Table],
        absent: Collection[str],
        *,
        blocks: bool,
        students: bool = False,
        groups: bool = False,
    ) -> ComputeJob:
        name = declared.key if isinstance(declared, Indicator) else declared.name
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder))
        names = dict.fromkeys((*declared.needs, *declared.uses))
        has_blocks = blocks and "blocks" in tables and "blocks" not in absent
        return ComputeJob(
            name=name,
            entry=self._registry.entry(name),
            parameters=parameters,
            tables={each: self._hand_out(each, tables[each], folder) for each in names},
            absent=frozenset(absent),
            blocks=self._hand_out("blocks", tables["blocks"], folder) if has_blocks else None,
            students=students,
            groups=groups,
            folder=str(folder),
            memory_limit=f"{self._apart.memory_mb // 2}MB",
            threads=self._engine.threads,
        )

    def _hand_out(self, name: str, table: ir.Table, folder: Path) -> TableFile:
        """A table as a file of a job's own folder; written once, however many jobs read it."""
        kept = self._files.get(name)
        if kept is None:
            path = self._folder / f"{name}.parquet"
            self._engine.write_parquet(table, path)
            kept = self._files[name] = TableFile(str(path), table.schema())
        own = folder / "tables" / f"{name}.parquet"
        own.parent.mkdir(exist_ok=True)
        if not own.exists():
            os.link(kept.path, own)
        return TableFile(str(own), kept.schema)
