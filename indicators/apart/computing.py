"""Compute one indicator or intermediate of a plugin, from files of the tables that it declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr import schema as ibis_schema
from ibis.expr import types as ir

from indicators.apart.guard import forbid
from indicators.apart.words import Tell, Word
from indicators.contract import ENTRY_POINT_GROUP, Indicator, Intermediate
from indicators.engine import Engine, open_engine
from indicators.finish import (
    build_intermediate,
    call_indicator,
    compile_queries,
    run_queries,
)
from indicators.parameters import Parameters
from indicators.tables import Tables

ROWS = "rows.parquet"
"""The file of an intermediate's rows."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that a job reads; the schema is what expressions see of it."""

    path: str
    schema: ibis_schema.Schema


@dataclass(frozen=True, slots=True)
class ComputeJob:
    """Compute one declaration of a plugin for one course.

    Attributes:
        name: of the indicator or intermediate.
        entry: where its declaration is found, `module:attribute`.
        parameters: of the run, with its values.
        tables: what it declared, by name.
        absent: of these the ones that the source does not have.
        blocks: the course tree, for the order of block keys; None without a structure.
        students: whether a student result is wanted.
        groups: whether a group result is.
        folder: where the results go, as Parquet.
        memory_limit: of the engine.
        threads: of the engine.
    """

    name: str
    entry: str
    parameters: Parameters
    tables: Mapping[str, TableFile]
    absent: frozenset[str]
    blocks: TableFile | None
    students: bool
    groups: bool
    folder: str
    memory_limit: str
    threads: int | None

    def do(self, tell: Tell) -> None:
        """Write the rows, checked against the declared result."""
        declared = EntryPoint(self.name, self.entry, ENTRY_POINT_GROUP).load()
        forbid(self.name)
        folder = Path(self.folder)
        readable = sorted({Path(one.path).parent for one in self.tables.values()})
        with open_engine(
            readable=readable, memory_limit=self.memory_limit, threads=self.threads
        ) as engine:
            known = {name: _add(engine, name, one) for name, one in self.tables.items()}
            tables = Tables(known, absent=self.absent, owner=self.name)
            if isinstance(declared, Intermediate):
                expression = build_intermediate(declared, tables, self.parameters)
                pq.write_table(engine.fetch(expression), folder / ROWS)
            else:
                self._compute(declared, engine, tables, folder)
        tell(Word("done"))

    def _compute(self, one: Indicator, engine: Engine, tables: Tables, folder: Path) -> None:
        levels = call_indicator(
            one, tables, self.parameters, students=self.students, groups=self.groups
        )
        blocks = None if self.blocks is None else _add(engine, "blocks", self.blocks)
        queries = compile_queries(one.key, levels, blocks=blocks)
        for subject, parts in run_queries(queries, engine).items():
            for part, rows in parts.items():
                pq.write_table(rows, folder / result_file(subject, part))


def result_file(subject: str, part: str) -> str:
    """The file of a part's rows."""
    return f"{subject}.{part}.parquet"


def read_results(
    folder: Path, wanted: Mapping[str, Mapping[str, pa.Schema]]
) -> Mapping[str, dict[str, pa.Table]]:
    """What a job wrote, by subject column and part, of exactly the wanted columns."""
    return {
        subject: {
            part: pq.read_table(folder / result_file(subject, part)).cast(schema)
            for part, schema in parts.items()
        }
        for subject, parts in wanted.items()
    }


def _add(engine: Engine, name: str, one: TableFile) -> ir.Table:
    return engine.add_parquet(name, [Path(one.path)], schema=one.schema)
